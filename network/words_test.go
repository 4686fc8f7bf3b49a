package network

import (
	"net"
	"strings"
	"testing"
)

// wants checks that the error says want, or that there is none for "".
func wants(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want …%s…", name, err, want)
	}
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: more than one line: %q", name, err)
	}
}

func TestParseVID(t *testing.T) {
	for s, want := range map[string]uint16{"1": 1, "10": 10, "4094": 4094, "010": 10} {
		if got, err := ParseVID(s); got != want || err != nil {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"0", "4095", "65546", "-1", "+1", "abc", "", "1.5", "1e1", " 1", "0x10", "99999999999999999999"} {
		_, err := ParseVID(s)
		wants(t, s, err, "VLAN "+s+": a VLAN id is a number from 1 to 4094")
	}
}

func FuzzParseVID(f *testing.F) {
	f.Add("10")
	f.Add("4095")
	f.Fuzz(func(t *testing.T, s string) {
		if vid, err := ParseVID(s); err == nil && (vid < 1 || vid > 4094) {
			t.Errorf("%q is VLAN %d", s, vid)
		}
	})
}

func TestLinkName(t *testing.T) {
	for _, c := range []struct {
		seg  Segment
		n    int
		want string // empty: a shortened one
	}{
		{Segment{Parent: "enp0s9", VID: 10}, 0, "enp0s9.10"},
		{Segment{Parent: "enp0s20f0u2c", VID: 10}, 0, "enp0s20f0u2c.10"},
		{Segment{Parent: "enp0s20f0u2c2", VID: 10}, 0, ""},
		{Segment{Parent: "abcdefghijklmno", VID: 4094}, 0, ""},
		{Segment{Parent: "abcdefghijklmno", VID: 4094}, 7, ""},
		{Segment{Parent: "enp0s9", VID: 10}, 1, ""},
	} {
		got := linkName(c.seg, c.n)
		wants(t, got, checkIfName(got), "")
		if c.want != "" && got != c.want {
			t.Errorf("%s: %s", c.seg, got)
		}
		if c.want == "" && (!strings.HasPrefix(got, c.seg.Parent[:4]) || !strings.HasSuffix(got, strings.TrimPrefix(c.seg.String(), c.seg.Parent))) {
			t.Errorf("%s: %s shows neither parent nor VLAN", c.seg, got)
		}
	}
	if linkName(Segment{Parent: "enp0s20f0u2c2", VID: 10}, 0) == linkName(Segment{Parent: "enp0s20f0u2c3", VID: 10}, 0) {
		t.Error("two parents, one name")
	}
}

func TestStableMAC(t *testing.T) {
	base := StableMAC("host1", "bbox1", "net10", 0)
	if base.String() != StableMAC("host1", "bbox1", "net10", 0).String() {
		t.Error("not stable")
	}
	seen := map[string]bool{base.String(): true}
	for _, m := range []net.HardwareAddr{
		StableMAC("host2", "bbox1", "net10", 0), StableMAC("host1", "bbox2", "net10", 0),
		StableMAC("host1", "bbox1", "net20", 0), StableMAC("host1", "bbox1", "net10", 1),
		StableMAC("host1b", "box1", "net10", 0),
	} {
		if m[0]&3 != 2 {
			t.Errorf("%s is not a locally administered unicast address", m)
		}
		if seen[m.String()] {
			t.Errorf("%s twice", m)
		}
		seen[m.String()] = true
	}
}

func TestParseMAC(t *testing.T) {
	for s, want := range map[string]string{
		"02:42:ac:10:0a:0a":       "",
		"02-42-AC-10-0A-0A":       "",
		"01:00:5e:00:00:01":       "multicast",
		"ff:ff:ff:ff:ff:ff":       "multicast",
		"00:00:00:00:00:00":       "all zeros",
		"02:42:ac:10:0a":          "six bytes",
		"02:42:ac:10:0a:0a:00:01": "six bytes",
		"nonsense":                "six bytes",
	} {
		_, err := parseMAC(s)
		wants(t, s, err, want)
	}
}

func TestIfName(t *testing.T) {
	for s, want := range map[string]string{
		"eth0": "", "lan.10": "", "a-b_c": "", "abcdefghijklmno": "",
		"": "characters", "abcdefghijklmnop": "characters",
		"a/b": "no spaces", "a b": "no spaces", "a:b": "no spaces", "..": "no spaces", ".": "no spaces", "eth%d": "no spaces", "é": "no spaces",
		"lo": "reserved", "all": "reserved",
	} {
		wants(t, s, checkIfName(s), want)
	}
}

func TestNetworkNames(t *testing.T) {
	for s, want := range map[string]string{
		"mac_net10": "", "a": "", "A.b-c_9": "", "enp0s9.10": "",
		"": "needs a name", "../x": "invalid", ".hidden": "invalid", "-x": "invalid", "a/b": "invalid", "a b": "invalid", "é": "invalid",
		"none": "pre-defined", "host": "pre-defined", strings.Repeat("x", 129): "128",
	} {
		cfg := Config{Name: s}
		wants(t, s, cfg.Complete(), want)
	}
}

func TestConfigWords(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Driver: "bridge"}, `driver "bridge" is not known`},
		{Config{Mode: "hairpin"}, "bridge, vepa, private or passthru"},
		{Config{VLANDriver: "ovs"}, "auto, kernel or ebpf"},
		{Config{MTU: 60}, "68 to 65535"},
		{Config{Subnets: []Subnet{{Prefix: prefix("10.0.0.0/24")}, {Prefix: prefix("10.0.0.128/25")}}}, "overlap"},
		{Config{Subnets: []Subnet{{}}}, "needs a prefix"},
	} {
		c.cfg.Name = "n"
		wants(t, c.want, c.cfg.Complete(), c.want)
	}
	open := Config{Name: "n", Subnets: []Subnet{{Prefix: prefix("10.0.0.0/24")}}}
	closed := open
	closed.Internal, closed.Subnets = true, []Subnet{{Prefix: prefix("10.0.0.0/24")}}
	wants(t, "open", open.Complete(), "")
	wants(t, "closed", closed.Complete(), "")
	if open.Subnets[0].Gateway != ip("10.0.0.1") || closed.Subnets[0].Gateway.IsValid() {
		t.Errorf("gateways: %s, internal %s", open.Subnets[0].Gateway, closed.Subnets[0].Gateway)
	}
	if open.Mode != "bridge" || open.Driver != "macvlan" || open.VLANDriver != "auto" {
		t.Errorf("defaults: %+v", open)
	}
}

func TestReadAddresses(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "none": "", "172.16.10.10": "", "172.16.10.10/24": "", "fd00::5": "", "fd00::5/64": "", "10.0.0.1/32": "",
		"dhcp": "", "172.16.10": "--ip 172.16.10:", "172.16.10.10/33": "1 to 32", "172.16.10.10/0": "1 to 32",
		"172.16.10.10/x": "1 to 32", "fd00::5/129": "1 to 128", "fe80::1%eth0": "--ip fe80::1%eth0", "::ffff:10.0.0.1": "--ip",
		"10.0.0.1/": "1 to 32", "010.0.0.1": "--ip 010.0.0.1",
	} {
		l := &leg{Request: Request{IP: s}}
		wants(t, s, l.readAddresses(), want)
	}
	for _, c := range []struct{ ip, ip6, want string }{
		{"", "fd00::5/64", ""},
		{"", "slaac", ""},
		{"none", "link-local", ""},
		{"10.0.0.5", "none", ""},
		{"", "10.0.0.5", "--ip6 10.0.0.5: it is an IPv6 address: give 10.0.0.5 to --ip"},
		{"fd00::5", "fd00::6", "--ip is the IPv4 address"},
		{"fd00::5", "none", "--ip is the IPv4 address"},
		{"", "auto", "--ip6 auto: it is an address"},
	} {
		l := &leg{Request: Request{IP: c.ip, IP6: c.ip6}}
		wants(t, c.ip+" "+c.ip6, l.readAddresses(), c.want)
	}
}

func FuzzReadAddresses(f *testing.F) {
	f.Add("172.16.10.10/24", "")
	f.Add("fd00::1", "")
	f.Add("none", "fd00::1/64")
	f.Fuzz(func(t *testing.T, s, s6 string) {
		l := &leg{Request: Request{IP: s, IP6: s6}}
		if l.readAddresses() != nil {
			return
		}
		for _, w := range l.wants {
			if w.auto() || l.placeAnywhere(&w) != nil {
				continue
			}
			if w.bits < 1 || w.bits > w.addr.BitLen() || w.addr.IsLoopback() || w.addr.IsMulticast() || w.addr.IsUnspecified() || w.v6 != w.addr.Is6() {
				t.Errorf("%q and %q: %s/%d", s, s6, w.addr, w.bits)
			}
		}
	})
}
