package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const whole = `
parent = "trunk"
vlan-driver = "ebpf"
conflict-probe = "50ms"

[parents]
trunk = "enp0s9"
backup = "enp0s10"

[vlan.10]
subnet = "172.16.10.0/24"
gateway = "172.16.10.1"
ip-range = "172.16.10.64/26"
subnet6 = "fd00:10::/64"
gateway6 = "none"
dns = ["172.16.10.53", "fd00::53"]
dns-search = ["lan"]
mtu = 1400

[vlan.20]
parent = "backup"

[vlan."100.10"]
mtu = 1492

[log]
max-size = "20m"
max-file = 5

[registries]
insecure = ["reg.lan:5000"]
[registries.mirrors]
"docker.io" = ["mirror.lan"]
`

func TestParse(t *testing.T) {
	got, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Parent: "trunk", VLANDriver: "ebpf", ConflictProbe: "50ms",
		Parents: map[string]string{"trunk": "enp0s9", "backup": "enp0s10"},
		VLANs: map[string]VLAN{
			"10": {
				Subnet: netip.MustParsePrefix("172.16.10.0/24"), Gateway: Gateway{Addr: netip.MustParseAddr("172.16.10.1")},
				IPRange: netip.MustParsePrefix("172.16.10.64/26"), Subnet6: netip.MustParsePrefix("fd00:10::/64"), Gateway6: Gateway{None: true},
				DNS: []netip.Addr{netip.MustParseAddr("172.16.10.53"), netip.MustParseAddr("fd00::53")}, DNSSearch: []string{"lan"}, MTU: 1400,
			},
			"20":     {Parent: "backup"},
			"100.10": {MTU: 1492},
		},
		Log:        Log{MaxSize: "20m", MaxFile: 5},
		Registries: Registries{Insecure: []string{"reg.lan:5000"}, Mirrors: map[string][]string{"docker.io": {"mirror.lan"}}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"parrent = 'x'":                                              "1:1: unknown key parrent: known here are parent, vlan-driver, conflict-probe, parents, vlan, log, registries",
		"\n[vlan.10]\nsubnt = 'x'":                                   "3:1: unknown key vlan.10.subnt: known here are parent, subnet, gateway,",
		"[vlans.10]\nsubnet = 'x'":                                   "1:2: unknown key vlans: known here are parent",
		"[log]\nfile = 1":                                            "2:1: unknown key log.file: known here are driver, max-size, max-file",
		"[vlan.10]\nsubnet = '172.16.10/24'":                         "2:10: vlan.10.subnet: write it as a prefix, such as \"172.16.10.0/24\"",
		"[vlan.10]\nmtu = 'big'":                                     "2:7: vlan.10.mtu: write it as a number of bytes, such as 1500",
		"[vlan.10]\ndns = '172.16.10.53'":                            "vlan.10.dns: write it as a list of addresses",
		"[vlan.10]\ngateway = '172.16.10'":                           "2:11: vlan.10.gateway: write it as an address, such as \"172.16.10.1\", or \"none\"",
		"vlan = 10":                                                  "1:8: vlan: write it as a table for each VLAN, such as [vlan.10]",
		"vlan-driver = 7":                                            "1:15: vlan-driver: a value of this kind has no meaning here",
		"[vlan.10]\n[vlan.10]":                                       "2:2: vlan.10: table 10 already exists",
		"parent = 'a'\nparent = 'b'":                                 "2:1: parent: key parent is already defined",
		"parent = \n":                                                "1:10: unexpected character",
		"parent = 'a":                                                "1:",
		"[vlan.10]\nmtu=1400\n[vlan.4095]\nmtu = 1500":               "3:2: vlan.4095: a VLAN id is a number from 1 to 4094",
		"[vlan.010]\nmtu = 1500":                                     "1:2: vlan.010: a VLAN id",
		"[vlan.\"10.\"]\nmtu = 1500":                                 "1:2: vlan.\"10.\": a VLAN id is a number from 1 to 4094, or two such as \"100.10\"",
		"[vlan.\"100.4095\"]\nmtu = 1500":                            "1:2: vlan.\"100.4095\": a VLAN id",
		"[vlan.\"100.010\"]\nmtu = 1500":                             "1:2: vlan.\"100.010\": a VLAN id",
		"[vlan.\"1.2.3\"]\nmtu = 1500":                               "1:2: vlan.\"1.2.3\": a VLAN id",
		"[vlan.\"100.10\"]\nsubnt = 'x'":                             "2:1: unknown key vlan.\"100.10\".subnt: known here are parent",
		"[vlan.\"100.10\"]\n\nmtu = 9":                               "3:1: vlan.\"100.10\".mtu: it is a number of bytes",
		"[vlan.100.10]\nmtu = 1500":                                  "unknown key vlan.100.10: a VLAN inside another is written in quotes: [vlan.\"100.10\"]",
		"[vlan.10]\nmtu = 9\n":                                       "2:1: vlan.10.mtu: it is a number of bytes from 68",
		"[vlan.10]\n\nsubnet = '172.16.10.1/24'":                     "3:1: vlan.10.subnet: 172.16.10.1/24 has host bits set: it should be 172.16.10.0/24",
		"[vlan.10]\nsubnet = 'fd00::/64'":                            "2:1: vlan.10.subnet: fd00::/64 is of the other family",
		"[vlan.10]\nsubnet6 = '10.0.0.0/8'":                          "2:1: vlan.10.subnet6: 10.0.0.0/8 is of the other family",
		"[vlan.10]\nsubnet = '10.0.0.0/8'\ngateway='::1'":            "3:1: vlan.10.gateway: ::1 and subnet 10.0.0.0/8 are of different families",
		"vlan.10.gateway = '10.0.0.1'":                               "1:1: vlan.10.gateway: it needs a subnet beside it",
		"[vlan]\n10 = { ip-range6 = 'fd00::/112' }":                  "2:1: vlan.10.ip-range6: it needs a subnet6 beside it",
		"[vlan.10]\nsubnet = '10.0.0.0/8'\nip-range = '11.0.0.0/24'": "3:1: vlan.10.ip-range: 11.0.0.0/24 is not inside subnet 10.0.0.0/8",
		"[vlan.10]\nsubnet = '10.0.0.0/8'\nip-range = '10.0.0.9/24'": "3:1: vlan.10.ip-range: 10.0.0.9/24 has host bits set",
		"vlan-driver = 'ovs'":                                        "1:1: vlan-driver: it is auto, kernel or ebpf",
		"conflict-probe = '30'":                                      "1:1: conflict-probe: it is a duration",
		"conflict-probe = '-1s'":                                     "1:1: conflict-probe: it is a duration",
		"[parents]\n'a.b' = 'eth0'":                                  "2:1: parents.\"a.b\": an alias is a word without dots",
		"[parents]\na = ''":                                          "2:1: parents.a: it stands for the name of an interface",
		"[parents]\na = 'eth0'\nb = 'a'":                             "3:1: parents.b: a is an alias itself",
		"[log]\ndriver = 'syslog'":                                   "2:1: log.driver: mvrun keeps logs itself",
		"[log]\nmax-size = '5'":                                      "2:1: log.max-size: it is a size of 1k or more",
		"[log]\nmax-file = -1":                                       "2:1: log.max-file: it is a number of files",
		"[registries]\ninsecure = 'reg.lan'":                         "2:12: registries.insecure: write it as a list of hosts",
		"[registries]\ninsecure = ['http://reg.lan']":                "2:1: registries.insecure: \"http://reg.lan\" is no host: write it as in images' names",
		"[registries]\ninsecure = ['reg.lan/app']":                   "is no host",
		"[registries]\ninsecure = ['reg lan:5']":                     "is no host",
		"[registries.mirrors]\n'docker.io' = ['m.lan', 'mirror']":    "2:1: registries.mirrors.\"docker.io\": \"mirror\" is no host",
		"[registries.mirrors]\n'docker.io' = ['https://mirror.lan']": "is no host",
		"[registries.mirrors]\n'library/busybox' = ['mirror.lan']":   "a registry is written as in images' names, such as \"docker.io\"",
		"\xff":                                 "1:1: ",
		"[registries.mirrors]\n'a' = 'b'":      "registries.mirrors.a: ",
		"[vlan.10]\ngateway = 'fe80::1%eth0'":  "2:11: vlan.10.gateway: write it as an address",
		"# fine\n[vlan.10]\nmtu = 99999999999": "3:1: vlan.10.mtu: it is a number of bytes",
	} {
		c, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if c != nil || err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, %v: one line is wanted and no configuration", text, c, err)
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file that was named: %v", err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("parent = 'eth7'")
	if c, err := Load(path); err != nil || c.Parent != "eth7" || c.Path != path {
		t.Errorf("%+v, %v", c, err)
	}
	write("parent = 7")
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":1:10: parent: ") {
		t.Errorf("%v", err)
	}
	write(strings.Repeat("#\n", maxSize))
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "longer than 1 MiB") {
		t.Errorf("%v", err)
	}
}

func TestInterface(t *testing.T) {
	c, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"trunk": "enp0s9", "trunk.10": "enp0s9.10", "trunk.100.10": "enp0s9.100.10", "enp0s3": "enp0s3", "enp0s3.10": "enp0s3.10", "": "", ".10": ".10",
	} {
		if got := c.Interface(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for vlan, want := range map[string]string{"10": "enp0s9", "20": "enp0s10", "30": "enp0s9", "": "enp0s9"} {
		if got := c.ParentOf(vlan); got != want {
			t.Errorf("parent of VLAN %q is %q, want %q", vlan, got, want)
		}
	}
	if got := (&Config{}).ParentOf("10"); got != "" {
		t.Errorf("parent %q without a file", got)
	}
}

// The example of the document is a good one, and every key is in it or in the
// table.
func TestDocument(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```toml\n")
	example, _, found := strings.Cut(rest, "```")
	if c, err := Parse([]byte(example)); !found || err != nil || len(c.VLANs) == 0 {
		t.Errorf("the example: %v", err)
	}
	for _, path := range [][]string{{"?"}, {"vlan", "10", "?"}, {"log", "?"}, {"registries", "?"}} {
		_, keys := firstUnknown(path)
		if len(keys) == 0 {
			t.Errorf("%v: no keys", path)
		}
		for _, key := range keys {
			if !strings.Contains(string(doc), key) {
				t.Errorf("%s is not in the document", key)
			}
		}
	}
}

// Whatever the file holds, an error is one line that begins with a place in
// the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("[vlan.10]\nsubnt = 'x'"))
	f.Add([]byte("vlan.10.gateway = '10.0.0.1'"))
	f.Add([]byte("[[vlan]]\nx = {y = [1,\n2]}"))
	place := regexp.MustCompile(`^(\d+):(\d+): [^\n]+$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err == nil {
			for id := range c.VLANs {
				c.ParentOf(id)
			}
			return
		}
		if !place.MatchString(err.Error()) {
			t.Errorf("%q: %q", data, err)
		}
	})
}
