package store

import (
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
)

func TestReadAddresses(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "none": "", "172.16.10.10": "", "172.16.10.10/24": "", "fd00::5": "", "fd00::5/64": "", "10.0.0.1/32": "",
		"dhcp": "", "172.16.10": "--ip 172.16.10:", "172.16.10.10/33": "1 to 32", "172.16.10.10/0": "1 to 32",
		"172.16.10.10/x": "1 to 32", "fd00::5/129": "1 to 128", "fe80::1%eth0": "--ip fe80::1%eth0", "::ffff:10.0.0.1": "--ip",
		"10.0.0.1/": "1 to 32", "010.0.0.1": "--ip 010.0.0.1",
	} {
		l := &leg{Request: network.Request{IP: s}}
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
		l := &leg{Request: network.Request{IP: c.ip, IP6: c.ip6}}
		wants(t, c.ip+" "+c.ip6, l.readAddresses(), c.want)
	}
}

func FuzzReadAddresses(f *testing.F) {
	f.Add("172.16.10.10/24", "")
	f.Add("fd00::1", "")
	f.Add("none", "fd00::1/64")
	f.Fuzz(func(t *testing.T, s, s6 string) {
		l := &leg{Request: network.Request{IP: s, IP6: s6}}
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

func TestDecideProbe(t *testing.T) {
	for _, c := range []struct {
		probe, ip string
		want      time.Duration
		dhcp      bool
		err       string
	}{
		{"", "", acd.DefaultWindow, false, ""},
		{"off", "dhcp", 0, true, ""},
		{"50ms", "10.0.0.1", 50 * time.Millisecond, false, ""},
		{"1h", "", 0, false, "5ms to 10s"},
		{"soon", "", 0, false, `"soon": give a duration`},
	} {
		l := &leg{Request: network.Request{Probe: c.probe, IP: c.ip}}
		wants(t, c.probe, l.decideProbe(), c.err)
		if c.err == "" && (l.ep.Probe != c.want || l.ep.DHCP != c.dhcp) {
			t.Errorf("%+v: probe %v, DHCP %v", c, l.ep.Probe, l.ep.DHCP)
		}
	}
}
