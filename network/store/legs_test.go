package store

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/network"
)

func addrsOf(ep network.Endpoint) string {
	var s []string
	for _, a := range ep.Addrs {
		s = append(s, a.String())
	}
	return strings.Join(s, " ")
}

func dual10() network.Config {
	return network.Config{Name: "dual", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{
		{Prefix: prefix("172.16.10.0/24")}, {Prefix: prefix("fd00:10::/64")},
	}}
}

func TestFamilies(t *testing.T) {
	l := newLab(t)
	l.create(0, dual10())
	l.create(0, network.Config{Name: "ra", Segment: network.Segment{Parent: nic, VID: 20}, IPv6: network.SLAAC, Subnets: []network.Subnet{{Prefix: prefix("172.16.20.0/24")}}})
	for i, c := range []struct {
		req               network.Request
		addrs, mode, way6 string
	}{
		{network.Request{Network: "dual"}, "172.16.10.2/24 fd00:10::2/64", "", "fd00:10::1"},
		{network.Request{Network: "dual", IP: address("172.16.10.20")}, "172.16.10.20/24 fd00:10::3/64", "", "fd00:10::1"},
		{network.Request{Network: "dual", IP6: address("fd00:10::20")}, "172.16.10.3/24 fd00:10::20/64", "", "fd00:10::1"},
		{network.Request{Network: "dual", IP: address("fd00:10::21")}, "172.16.10.4/24 fd00:10::21/64", "", "fd00:10::1"},
		{network.Request{Network: "dual", IP6: address("none")}, "172.16.10.5/24", "", ""},
		{network.Request{Network: "dual", IP: address("none")}, "", "", ""},
		{network.Request{Network: "dual", IP: address("none"), IP6: address("fd00:10::22/64")}, "fd00:10::22/64", "", "fd00:10::1"},
		{network.Request{Network: "dual", IP6: address("slaac")}, "172.16.10.6/24", "slaac", ""},
		{network.Request{Network: "dual", IP6: address("link-local")}, "172.16.10.7/24", "link-local", ""},
		{network.Request{Network: "ra"}, "172.16.20.2/24", "slaac", ""},
		{network.Request{Network: "ra", IP6: address("none")}, "172.16.20.3/24", "", ""},
		{network.Request{VLAN: tags("30"), Parent: nic, IP6: address("slaac")}, "", "slaac", ""},
		{network.Request{VLAN: tags("30"), Parent: nic, IP: address("10.0.0.5/24"), IP6: address("fd00::5/64")}, "10.0.0.5/24 fd00::5/64", "", ""},
	} {
		ep := l.plan(fmt.Sprint("c", i), c.req)[0]
		way6 := ""
		if ep.Gateway6.IsValid() {
			way6 = ep.Gateway6.String()
		}
		if addrsOf(ep) != c.addrs || ep.IPv6 != c.mode || way6 != c.way6 {
			t.Errorf("%+v: %q, IPv6 %q, gateway6 %q", c.req, addrsOf(ep), ep.IPv6, way6)
		}
	}
	claims, err := l.store[0].Claims("dual")
	must(t, err)
	if len(claims) != 13 { // c5 has one without an address
		t.Errorf("%d claims: %+v", len(claims), claims)
	}
	_, _, err = l.store[0].Plan(network.Owner{ID: "x"}, []network.Request{{Network: "ra", IP6: address("fd00::1")}})
	wants(t, "no subnet for it", err, "address fd00::1 is not in subnet 172.16.20.0/24")
}

// A refusal of the second family leaves no claim of the first.
func TestFamiliesAreClaimedTogether(t *testing.T) {
	l := newLab(t)
	l.create(0, dual10())
	l.plan("a", network.Request{Network: "dual", IP6: address("fd00:10::5")})
	_, _, err := l.store[0].Plan(network.Owner{ID: "b"}, []network.Request{{Network: "dual", IP: address("172.16.10.9"), IP6: address("fd00:10::5")}})
	wants(t, "taken", err, "fd00:10::5 is already claimed by container a")
	claims, err := l.store[0].Claims("dual")
	must(t, err)
	if len(claims) != 2 {
		t.Errorf("%+v", claims)
	}
}

// Legs that come later get the first free place, and what went with that: the
// same name and the same MAC address again.
func TestPlanMore(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	l.create(0, net10())
	l.create(0, network.Config{Name: "net20", Segment: network.Segment{Parent: nic, VID: 20}, Subnets: []network.Subnet{{Prefix: prefix("172.16.20.0/24")}}})
	owner := network.Owner{ID: "c", Name: "c", HostID: "host0"}
	eps := l.plan("c", network.Request{Network: "mac_net10"}, network.Request{Network: "net20"})
	second := eps[1]
	must(t, s.ReleaseEndpoint("c", eps[1].ID))
	if claims, _ := s.Claims("net20"); len(claims) != 0 {
		t.Fatalf("%+v", claims)
	}
	eps, _, err := s.PlanMore(owner, eps[:1], []network.Request{{Network: "net20", GwPriority: 1}})
	must(t, err)
	if len(eps) != 2 || eps[1].IfName != "eth1" || eps[1].MAC != second.MAC || eps[0].Default || !eps[1].Default {
		t.Errorf("%+v", eps)
	}
	must(t, s.ReleaseEndpoint("c", eps[0].ID))
	eps, undo, err := s.PlanMore(owner, eps[1:], []network.Request{{Network: "mac_net10"}})
	must(t, err)
	if eps[1].IfName != "eth0" || eps[0].IfName != "eth1" {
		t.Errorf("%+v", eps)
	}
	_, _, err = s.PlanMore(owner, eps, []network.Request{{VLAN: tags("30"), Parent: nic, IfName: "eth1"}})
	wants(t, "name", err, "two interfaces named eth1")
	undo()
	if claims, _ := s.Claims("mac_net10"); len(claims) != 0 {
		t.Errorf("after undo: %+v", claims)
	}
	// What a killed command claimed and did not write down goes.
	_, _, err = s.PlanMore(owner, eps[:1], []network.Request{{Network: "mac_net10"}, {VLAN: tags("30"), Parent: nic}})
	must(t, err)
	must(t, s.ReleaseExcept("c", eps[:1]))
	for name, want := range map[string]int{"mac_net10": 0, "net20": 1} {
		if claims, _ := s.Claims(name); len(claims) != want {
			t.Errorf("%s: %+v", name, claims)
		}
	}
	_, err = s.Get("enp0s9.30")
	wants(t, "implicit", err, "not found")
}

// The pools are gone through in turn, and a just-freed address is not given
// again before all the others were.
func TestPoolsInTurn(t *testing.T) {
	l := newLab(t)
	l.create(0, network.Config{Name: "two", Segment: network.Segment{Parent: nic, VID: 12}, Subnets: []network.Subnet{
		{Prefix: prefix("10.0.3.0/30"), Gateway: ip("10.0.3.1")}, {Prefix: prefix("10.0.4.0/29"), NoGateway: true},
	}})
	var got []string
	for i := range 4 {
		ep := l.plan(fmt.Sprint("c", i), network.Request{Network: "two"})[0]
		got = append(got, addrOf(ep))
		if ep.Gateway.IsValid() != (i == 0) {
			t.Errorf("%d: gateway %s", i, ep.Gateway)
		}
		must(t, l.store[0].Release(fmt.Sprint("c", i)))
	}
	seen := map[string]bool{}
	for _, a := range got {
		if seen[a] {
			t.Errorf("%s was given again at once: %v", a, got)
		}
		seen[a] = true
	}
}

func TestUnicastOnly(t *testing.T) {
	for _, a := range []string{"fe80::1", "ff02::1", "::1"} {
		w := want{addr: netip.MustParseAddr(a), v6: true}
		l := &leg{}
		if err := l.placeAnywhere(&w); err == nil && a != "fe80::1" {
			t.Errorf("%s is taken", a)
		}
	}
}
