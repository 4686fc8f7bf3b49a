package store

import (
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
)

func FuzzReadAddresses(f *testing.F) {
	f.Add("172.16.10.10/24", "")
	f.Add("fd00::1", "")
	f.Add("none", "fd00::1/64")
	f.Fuzz(func(t *testing.T, s, s6 string) {
		four, err := network.ParseIPv4(s)
		if err != nil {
			return
		}
		six, err := network.ParseIPv6(s6)
		if err != nil {
			return
		}
		l := &leg{Request: network.Request{IP: four, IP6: six}}
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
		probe time.Duration
		ip    string
		want  time.Duration
		dhcp  bool
	}{
		{0, "", acd.DefaultWindow, false},
		{network.ProbeOff, "dhcp", 0, true},
		{50 * time.Millisecond, "10.0.0.1", 50 * time.Millisecond, false},
	} {
		l := &leg{Request: network.Request{Probe: c.probe, IP: address(c.ip)}}
		l.decideProbe()
		if l.ep.Probe != c.want || l.ep.DHCP != c.dhcp {
			t.Errorf("%+v: probe %v, DHCP %v", c, l.ep.Probe, l.ep.DHCP)
		}
	}
}
