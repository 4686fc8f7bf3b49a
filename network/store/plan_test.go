package store

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/mvrun/mvrun/network"
)

// plan plans on host 1 and fails the test if that fails.
func (l *lab) plan(id string, reqs ...network.Request) []network.Endpoint {
	l.t.Helper()
	eps, _, err := l.store[0].Plan(network.Owner{ID: id, Name: id, HostID: "host0"}, reqs)
	must(l.t, err)
	return eps
}

func addrOf(ep network.Endpoint) string {
	if len(ep.Addrs) == 0 {
		return ""
	}
	return ep.Addrs[0].String()
}

func TestPlanRefuses(t *testing.T) {
	l := newLab(t)
	cfg := net10()
	cfg.Subnets[0].Aux = map[string]netip.Addr{"nas": ip("172.16.10.9")}
	l.create(0, cfg)
	l.create(0, network.Config{Name: "quiet", Segment: network.Segment{Parent: nic, VID: 30}, Mode: "passthru"})
	l.plan("c1", network.Request{Network: "mac_net10", IP: address("172.16.10.10"), MAC: mac("02:00:00:00:00:01")})
	one := func(r network.Request) []network.Request { return []network.Request{r} }
	for _, c := range []struct {
		reqs []network.Request
		want string
	}{
		{one(network.Request{Network: "mac_net10", IP: address("172.16.20.10")}), "network mac_net10: address 172.16.20.10 is not in subnet 172.16.10.0/24"},
		{one(network.Request{Network: "mac_net10", IP: address("172.16.10.0")}), "172.16.10.0 is the network address of 172.16.10.0/24"},
		{one(network.Request{Network: "mac_net10", IP: address("172.16.10.255")}), "172.16.10.255 is the broadcast address"},
		{one(network.Request{Network: "mac_net10", IP: address("172.16.10.1")}), "172.16.10.1 is the gateway's"},
		{one(network.Request{Network: "mac_net10", IP: address("172.16.10.9")}), "kept for nas"},
		{one(network.Request{Network: "mac_net10", IP: address("172.16.10.10")}), "172.16.10.10 is already claimed by container c1"},
		{one(network.Request{VLAN: tags("10"), Parent: nic, IP: address("172.16.10.10/24")}), "172.16.10.10 is already claimed by container c1"},
		{one(network.Request{Network: "mac_net10", IP: address("172.16.10.12/16")}), "the subnet is 172.16.10.0/24: leave out /16"},
		{one(network.Request{Network: "mac_net10", IP: address("fd00::1")}), "not in subnet"},
		{one(network.Request{Network: "nope"}), "network nope not found"},
		{one(network.Request{Network: "host"}), "network host can't be combined"},
		{one(network.Request{Network: "mac_net10", VLAN: tags("20"), Parent: nic}), "is on enp0s9.10, not on enp0s9.20"},
		{one(network.Request{VLAN: tags("10"), Parent: "nope"}), "parent nope: this host has no such interface"},
		{one(network.Request{VLAN: tags("10")}), "no --parent given and this host has no default route"},
		{one(network.Request{}), "a network, a VLAN or a parent is needed"},
		{one(network.Request{Network: "mac_net10", MAC: mac("02:00:00:00:00:01")}), "MAC address 02:00:00:00:00:01 is already used on enp0s9.10 by container c1"},
		{one(network.Request{Network: "quiet", MAC: mac("02:00:00:00:00:02")}), "passthru mode the container has the parent's own MAC"},
		{one(network.Request{Network: "mac_net10", IfName: "a b"}), "interface name"},
		{one(network.Request{VLAN: tags("20"), Parent: nic, IP: address("172.16.20.0/24")}), "network address"},
		{one(network.Request{VLAN: tags("20"), Parent: nic, IP: address("224.0.0.5")}), "not the address of a host"},
		{[]network.Request{{Network: "mac_net10", IfName: "x"}, {VLAN: tags("20"), Parent: nic, IfName: "x"}}, "two interfaces named x"},
		{[]network.Request{{Network: "mac_net10", IP: address("172.16.10.20")}, {VLAN: tags("10"), Parent: nic, IP: address("172.16.10.20")}}, "already claimed by container c2"},
		// The last leg fails: the first ones' claims and networks go, too.
		{[]network.Request{{Network: "mac_net10", IP: address("172.16.10.30")}, {VLAN: tags("20"), Parent: nic, IP: address("10.0.0.1/8")}, {VLAN: tags("40"), Parent: nic}, {Network: "nope"}}, "not found"},
	} {
		eps, undo, err := l.store[0].Plan(network.Owner{ID: "c2", Name: "c2", HostID: "h"}, c.reqs)
		wants(t, fmt.Sprintf("%+v", c.reqs), err, c.want)
		if eps != nil || undo != nil {
			t.Errorf("%+v: endpoints beside the error", c.reqs)
		}
	}
	_, _, err := l.store[0].Plan(network.Owner{ID: "../c"}, one(network.Request{Network: "mac_net10"}))
	wants(t, "owner", err, "not valid")

	nets, err := l.store[0].List()
	must(t, err)
	claims, err := l.store[0].Claims("mac_net10")
	must(t, err)
	if len(nets) != 4 || len(claims) != 1 {
		t.Errorf("after refusals: %d networks, claims %+v", len(nets), claims)
	}
}

func TestImplicitNetworks(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	// None there: made, named after its segment, shared, and L2 only without --ip.
	a := l.plan("a", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.9.0.5/16")})[0]
	b := l.plan("b", network.Request{VLAN: tags("10"), Parent: nic})[0]
	c := l.plan("c", network.Request{Parent: "enp0s9.10", IP: address("10.9.0.6")})[0]
	if a.Network != "enp0s9.10" || addrOf(a) != "10.9.0.5/16" || addrOf(b) != "" || addrOf(c) != "10.9.0.6/24" || b.NetworkID != a.NetworkID || c.NetworkID != a.NetworkID {
		t.Errorf("%+v\n%+v\n%+v", a, b, c)
	}
	if a.MAC == "" || a.MAC == b.MAC || a.IfName != "eth0" {
		t.Errorf("MAC %q and %q, %s", a.MAC, b.MAC, a.IfName)
	}
	// The user's network, by subnet or as the only one; L2 stays implicit.
	l.create(0, net10())
	for _, tc := range []struct {
		id, ip      string
		netw, addrs string
	}{
		{"d", "172.16.10.10", "mac_net10", "172.16.10.10/24"},
		{"e", "", "mac_net10", "172.16.10.2/24"},
		{"f", "none", "enp0s9.10", ""},
		{"g", "10.9.0.7", "enp0s9.10", "10.9.0.7/24"},
	} {
		ep := l.plan(tc.id, network.Request{VLAN: tags("10"), Parent: nic, IP: address(tc.ip)})[0]
		if ep.Network != tc.netw || addrOf(ep) != tc.addrs {
			t.Errorf("%s: %+v", tc.id, ep)
		}
	}
	// Two with subnets: which one is not ours to guess.
	l.create(0, network.Config{Name: "second", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("172.16.11.0/24")}}})
	_, _, err := s.Plan(network.Owner{ID: "h"}, []network.Request{{VLAN: tags("10"), Parent: nic}})
	wants(t, "ambiguous", err, "several networks (mac_net10, second …)")

	// An address is one on the segment, whatever the networks.
	_, _, err = s.Plan(network.Owner{ID: "h"}, []network.Request{{VLAN: tags("10"), Parent: nic, IP: address("10.9.0.5")}})
	wants(t, "taken", err, "10.9.0.5 is already claimed by container a")

	for _, id := range []string{"a", "b", "c", "f"} {
		must(t, s.Release(id))
		must(t, s.Release(id))
	}
	if _, err := s.Get("enp0s9.10"); err != nil {
		t.Errorf("gone with a container on it: %v", err)
	}
	must(t, s.Release("g"))
	_, err = s.Get("enp0s9.10")
	wants(t, "after the last", err, "not found")
	if _, err := s.Get("mac_net10"); err != nil {
		t.Error(err)
	}
}

func TestImplicitNameTaken(t *testing.T) {
	l := newLab(t)
	l.create(0, network.Config{Name: "enp0s9.10", Segment: network.Segment{Parent: nic, VID: 99}})
	if ep := l.plan("a", network.Request{VLAN: tags("10"), Parent: nic})[0]; ep.Network != "enp0s9.10-2" || ep.VID != 10 {
		t.Errorf("%+v", ep)
	}
	l.ip(0, "link", "add", "_v@1", "type", "veth", "peer", "name", "far")
	if ep := l.plan("b", network.Request{VLAN: tags("10"), Parent: "_v@1"})[0]; ep.Network != "v_1.10" {
		t.Errorf("%+v", ep)
	}
}

// A neighbour's gateway or claim on the same wire is no free address, even if
// it was there before the network.
func TestAutomaticSkipsWhatOthersHave(t *testing.T) {
	l := newLab(t)
	l.plan("early", network.Request{VLAN: tags("10"), Parent: nic, IP: address("172.16.10.2/24")})
	_, err := l.store[0].Create(network.Config{Name: "clash", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("172.16.10.0/24"), Gateway: ip("172.16.10.2")}}})
	wants(t, "gateway", err, "gateway 172.16.10.2: address 172.16.10.2 is already claimed by container early")
	l.create(0, net10())
	for i, want := range []string{"172.16.10.3/24", "172.16.10.4/24"} {
		if ep := l.plan(fmt.Sprint("c", i), network.Request{Network: "mac_net10"})[0]; addrOf(ep) != want {
			t.Errorf("%s, want %s", addrOf(ep), want)
		}
	}
	// A just-freed address is not given again at once.
	must(t, l.store[0].Release("c1"))
	if ep := l.plan("c2", network.Request{Network: "mac_net10"})[0]; addrOf(ep) != "172.16.10.5/24" {
		t.Errorf("%s", addrOf(ep))
	}
}

func TestExhaustedPool(t *testing.T) {
	l := newLab(t)
	l.create(0, network.Config{Name: "tiny", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("10.0.0.0/30")}}})
	l.plan("a", network.Request{Network: "tiny"})
	_, _, err := l.store[0].Plan(network.Owner{ID: "b"}, []network.Request{{Network: "tiny"}})
	wants(t, "full", err, "network tiny: no free address left in 10.0.0.0/30")
	l.dead["a"] = true // its address is still to be had
	if ep := l.plan("c", network.Request{Network: "tiny"})[0]; addrOf(ep) != "10.0.0.2/30" {
		t.Errorf("%+v", ep)
	}
	l.dead["c"] = true // and when asked for by name
	if ep := l.plan("d", network.Request{Network: "tiny", IP: address("10.0.0.2")})[0]; addrOf(ep) != "10.0.0.2/30" {
		t.Errorf("%+v", ep)
	}
}

func TestOddSubnets(t *testing.T) {
	l := newLab(t)
	l.create(0, network.Config{Name: "p2p", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("10.0.0.0/31")}}})
	l.create(0, network.Config{Name: "one", Segment: network.Segment{Parent: nic, VID: 11}, Subnets: []network.Subnet{{Prefix: prefix("10.0.1.7/32"), Gateway: ip("10.0.2.1")}}})
	l.create(0, network.Config{Name: "two", Segment: network.Segment{Parent: nic, VID: 12}, Subnets: []network.Subnet{{Prefix: prefix("10.0.3.0/30")}, {Prefix: prefix("10.0.4.0/24"), IPRange: prefix("10.0.4.128/25")}}})
	for _, c := range []struct{ netw, ip, addr, gateway string }{
		{"p2p", "", "10.0.0.1/31", "10.0.0.0"},
		{"one", "", "10.0.1.7/32", "10.0.2.1"},
		{"two", "", "10.0.3.2/30", "10.0.3.1"},
		{"two", "", "10.0.4.128/24", "10.0.4.1"},
		{"two", "10.0.4.5", "10.0.4.5/24", "10.0.4.1"},
	} {
		ep := l.plan("c-"+c.netw+c.addr[:6]+c.ip, network.Request{Network: c.netw, IP: address(c.ip)})[0]
		if addrOf(ep) != c.addr || ep.Gateway.String() != c.gateway {
			t.Errorf("%s: %s via %s, want %s via %s", c.netw, addrOf(ep), ep.Gateway, c.addr, c.gateway)
		}
	}
}

func TestSeveralLegs(t *testing.T) {
	l := newLab(t)
	l.create(0, net10())
	eps := l.plan("c", network.Request{Network: "none"}, network.Request{VLAN: tags("20"), Parent: nic, IP: address("172.16.20.10")}, network.Request{Network: "mac_net10"}, network.Request{Network: "mac_net10", IP: address("172.16.10.2"), IfName: "back"})
	var got []string
	for _, ep := range eps {
		got = append(got, fmt.Sprintf("%s %s %v", ep.IfName, addrOf(ep), ep.Default))
	}
	// The asked-for address comes before the automatic one; the default route
	// goes out of the first leg that has a gateway.
	want := "eth0 172.16.20.10/24 false, eth1 172.16.10.3/24 true, back 172.16.10.2/24 false"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	if eps[1].MAC == eps[2].MAC {
		t.Error("one MAC for two legs")
	}
	if eps := l.plan("d", network.Request{Network: "none"}); eps != nil {
		t.Errorf("none: %+v", eps)
	}
}

func TestPlanUndo(t *testing.T) {
	l := newLab(t)
	l.create(0, net10())
	before := tree(t, l.store[0].Dir)
	_, undo, err := l.store[0].Plan(network.Owner{ID: "c"}, []network.Request{{Network: "mac_net10", IP: address("172.16.10.10")}, {VLAN: tags("20"), Parent: nic}})
	must(t, err)
	undo()
	undo()
	if after := tree(t, l.store[0].Dir); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	nets, err := os.ReadDir(dir)
	must(t, err)
	for _, n := range nets {
		all = append(all, n.Name())
		claims, _ := os.ReadDir(dir + "/" + n.Name() + "/ips")
		for _, c := range claims {
			all = append(all, n.Name()+"/"+c.Name())
		}
	}
	return strings.Join(all, " ")
}

// Thirty at once, each with a store of its own as processes have: thirty
// addresses.
func TestParallelPlans(t *testing.T) {
	l := newLab(t)
	l.create(0, net10())
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]string{}
	for i := range 30 {
		wg.Go(func() {
			s := *l.store[0]
			id := fmt.Sprint("c", i)
			err := l.hosts[0].Do(func() error {
				eps, _, err := s.Plan(network.Owner{ID: id, Name: id}, []network.Request{{Network: "mac_net10"}, {VLAN: tags("20"), Parent: nic}})
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					if other := seen[addrOf(eps[0])]; other != "" {
						t.Errorf("%s for %s and %s", addrOf(eps[0]), id, other)
					}
					seen[addrOf(eps[0])] = id
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(seen) != 30 {
		t.Errorf("%d addresses", len(seen))
	}
	for i := range 30 {
		wg.Go(func() {
			if err := l.store[0].Release(fmt.Sprint("c", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := tree(t, l.store[0].Dir); got != ".lock mac_net10" {
		t.Errorf("left: %s", got)
	}
}
