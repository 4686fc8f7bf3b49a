package network

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/mvrun/mvrun/network/ipam"
)

// pools are the subnets that automatic addresses come from. One that is only
// configured for the VLAN has other hosts on it: mvrun needs a range of its own
// there.
func (l *leg) pools() []Subnet {
	if len(l.net.Subnets) > 0 {
		return l.net.Subnets
	}
	return slices.DeleteFunc(slices.Clone(l.Subnets), func(s Subnet) bool { return !s.IPRange.IsValid() })
}

// placeAnywhere takes an address on a network that has no subnet: in the one
// configured for the VLAN, or, with a length, in whatever that says. Without
// either it is a /24, or a /64 in IPv6, which most LANs are.
func (l *leg) placeAnywhere() error {
	var other Subnet
	for _, sub := range l.Subnets {
		if sub.Prefix.Contains(l.addr) && (l.bits == 0 || l.bits == sub.Prefix.Bits()) {
			return l.in(sub)
		}
		if sub.Prefix.Addr().Is4() == l.addr.Is4() {
			other = sub
		}
	}
	if l.bits == 0 && other.Prefix.IsValid() {
		return fmt.Errorf("address %s is not in %s, which is configured for %s: give it a length, as in %s/%d, to use it all the same",
			l.addr, other.Prefix, l.net.Segment, l.addr, other.Prefix.Bits())
	}
	if l.bits == 0 {
		l.bits = 24
		if l.addr.Is6() {
			l.bits = 64
		}
	}
	sub := ipam.Subnet{Prefix: netip.PrefixFrom(l.addr, l.bits).Masked()}
	if sub.Prefix.Contains(other.Gateway) {
		sub.Gateway = other.Gateway
	}
	return l.in(sub)
}
