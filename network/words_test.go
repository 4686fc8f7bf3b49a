package network

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
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
		_, err := ParseMAC(s)
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
		wants(t, s, CheckIfName(s), want)
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

func TestParseTags(t *testing.T) {
	for s, want := range map[string]Segment{
		"10": {VID: 10}, "100.10": {VID: 10, Outer: 100}, "4094.1": {VID: 1, Outer: 4094},
	} {
		tags, err := ParseTags(s)
		if got := (Segment{VID: tags.VID, Outer: tags.Outer}); err != nil || got != want || got.Tags() != s {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "100.", ".10", "100.0", "4095.10", "1.2.3", "100.abc"} {
		_, err := ParseTags(s)
		wants(t, s, err, "a VLAN id is a number from 1 to 4094")
	}
}

func TestChooseDefaultRoutes(t *testing.T) {
	way := ip("10.0.0.1")
	way6 := ip("fd00::1")
	for _, c := range []struct {
		name        string
		eps         []Endpoint
		lead, lead6 int
	}{
		{"none", []Endpoint{{}, {}}, -1, -1},
		{"first", []Endpoint{{}, {Gateway: way}, {Gateway: way, Gateway6: way6}}, 1, 2},
		{"highest", []Endpoint{{Gateway: way, Default: true}, {Gateway: way, GwPriority: 5}, {Gateway: way, GwPriority: 5}}, 1, -1},
		{"negative", []Endpoint{{Gateway: way, GwPriority: -1}, {Gateway: way}, {GwPriority: 9}}, 1, -1},
		{"routers", []Endpoint{{IPv6: SLAAC, Internal: true}, {IPv6: LinkLocal}, {IPv6: SLAAC}}, -1, 2},
	} {
		ChooseDefaultRoutes(c.eps)
		is := func(ep Endpoint) bool { return ep.Default }
		is6 := func(ep Endpoint) bool { return ep.Default6 }
		if slices.IndexFunc(c.eps, is) != c.lead || slices.IndexFunc(c.eps, is6) != c.lead6 {
			t.Errorf("%s: %+v", c.name, c.eps)
		}
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }

func TestParseAddresses(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "none": "", "172.16.10.10": "", "172.16.10.10/24": "", "fd00::5": "", "fd00::5/64": "", "10.0.0.1/32": "",
		"dhcp": "", "172.16.10": "it is an address such as", "172.16.10.10/33": "1 to 32", "172.16.10.10/0": "1 to 32",
		"172.16.10.10/x": "1 to 32", "fd00::5/129": "1 to 128", "fe80::1%eth0": "it is an address such as", "::ffff:10.0.0.1": "it is an address",
		"10.0.0.1/": "1 to 32", "010.0.0.1": "it is an address such as", "300.1.1.1": "it is an address such as",
	} {
		r, err := ParseIPv4(s)
		wants(t, s, err, want)
		if err == nil && r.String() != s {
			t.Errorf("%q is %q", s, r)
		}
	}
	for s, want := range map[string]string{
		"fd00::5/64": "", "slaac": "", "link-local": "", "none": "",
		"10.0.0.5": "it is an IPv6 address", "auto": "it is an address",
	} {
		_, err := ParseIPv6(s)
		wants(t, s, err, want)
	}
	v6 := AddressRequest{Addr: ip("fd00::5")}
	for _, other := range []AddressRequest{{Addr: ip("fd00::6")}, {Word: None}} {
		_, _, err := Request{IP: v6, IP6: other}.Addresses()
		wants(t, other.String(), err, "two IPv6 addresses are asked for")
	}
}

func TestParseProbe(t *testing.T) {
	for s, want := range map[string]time.Duration{"": 0, "off": ProbeOff, "50ms": 50 * time.Millisecond} {
		if got, err := ParseProbe(s); got != want || err != nil {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{"1h": "5ms to 10s", "1ms": "5ms to 10s", "soon": `"soon": give a duration`} {
		_, err := ParseProbe(s)
		wants(t, s, err, want)
	}
}
