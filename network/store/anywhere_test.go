package store

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// configured are subnets as this host's configuration has them for a VLAN.
func configured() []network.Subnet {
	return []network.Subnet{
		{Prefix: netip.MustParsePrefix("172.16.10.0/23"), Gateway: ip("172.16.11.254"), IPRange: netip.MustParsePrefix("172.16.10.64/30")},
		{Prefix: netip.MustParsePrefix("fd00:10::/56"), Gateway: ip("fd00:10::1")},
	}
}

func TestPlanWithConfiguredSubnets(t *testing.T) {
	l := newLab(t)
	for i, c := range []struct{ ip, addr, gateway string }{
		{"172.16.10.10", "172.16.10.10/23", "172.16.11.254"},
		{"172.16.10.11/23", "172.16.10.11/23", "172.16.11.254"},
		{"172.16.10.12/25", "172.16.10.12/25", "invalid IP"}, // what is typed wins
		{"172.16.11.13/25", "172.16.11.13/25", "invalid IP"},
		{"172.16.11.200/25", "172.16.11.200/25", "172.16.11.254"},
		{"10.9.8.7/8", "10.9.8.7/8", "invalid IP"},
		{"", "172.16.10.64/23", "172.16.11.254"},
		{"none", "", "invalid IP"},
	} {
		ep := l.plan(fmt.Sprint("c", i), network.Request{VLAN: tags("10"), Parent: nic, IP: address(c.ip), Subnets: configured(), MTU: 1400})[0]
		if addrOf(ep) != c.addr || ep.Gateway.String() != c.gateway || ep.MTU != 1400 {
			t.Errorf("--ip %q: %s through %s, MTU %d; want %s through %s, MTU 1400", c.ip, addrOf(ep), ep.Gateway, ep.MTU, c.addr, c.gateway)
		}
	}
	_, _, err := l.store[0].Plan(network.Owner{ID: "x", Name: "x"}, []network.Request{{VLAN: tags("10"), Parent: nic, IP: address("10.9.8.6"), Subnets: configured()}})
	wants(t, "elsewhere", err, "address 10.9.8.6 is not in 172.16.10.0/23, which is configured for enp0s9.10: give it a length, as in 10.9.8.6/23")
	_, _, err = l.store[0].Plan(network.Owner{ID: "x", Name: "x"}, []network.Request{{VLAN: tags("10"), Parent: nic, IP: address("172.16.11.254"), Subnets: configured()}})
	wants(t, "the gateway's", err, "is the gateway's")

	// A network that the user made knows better.
	l.create(0, network.Config{Name: "own", Segment: network.Segment{Parent: nic, VID: 20}, MTU: 1300, Subnets: []ipam.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/16")}}})
	ep := l.plan("own", network.Request{VLAN: tags("20"), Parent: nic, Subnets: configured(), MTU: 1400})[0]
	if addrOf(ep) != "10.1.0.2/16" || ep.MTU != 1300 {
		t.Errorf("on a network with a subnet: %s, MTU %d", addrOf(ep), ep.MTU)
	}
	// Without a range of our own no address is taken from the LAN unasked.
	ep = l.plan("quiet", network.Request{VLAN: tags("30"), Parent: nic, Subnets: []network.Subnet{{Prefix: netip.MustParsePrefix("10.2.0.0/16")}}})[0]
	if addrOf(ep) != "" {
		t.Errorf("automatic address %s without an IP range", addrOf(ep))
	}
}
