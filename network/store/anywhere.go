package store

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// pools are the subnets that automatic addresses of a family come from. One
// that is only configured for the VLAN has other hosts on it: mvrun needs a
// range of its own there.
func (l *leg) pools(v6 bool) []network.Subnet {
	other := func(s network.Subnet) bool { return s.Prefix.Addr().Is6() != v6 }
	if len(l.net.Subnets) > 0 {
		return slices.DeleteFunc(slices.Clone(l.net.Subnets), other)
	}
	return slices.DeleteFunc(slices.Clone(l.Subnets), func(s network.Subnet) bool { return other(s) || !s.IPRange.IsValid() })
}

// placeAnywhere takes an address on a network that has no subnet: in the one
// configured for the VLAN, or, with a length, in whatever that says. Without
// either it is a /24, or a /64 in IPv6, which most LANs are.
func (l *leg) placeAnywhere(w *want) error {
	var other network.Subnet
	for _, sub := range l.Subnets {
		if sub.Prefix.Contains(w.addr) && (w.bits == 0 || w.bits == sub.Prefix.Bits()) {
			return l.in(w, sub)
		}
		if sub.Prefix.Addr().Is4() == w.addr.Is4() {
			other = sub
		}
	}
	if w.bits == 0 && other.Prefix.IsValid() {
		return fmt.Errorf("address %s is not in %s, which is configured for %s: give it a length, as in %s/%d, to use it all the same",
			w.addr, other.Prefix, l.net.Segment, w.addr, other.Prefix.Bits())
	}
	if w.bits == 0 {
		w.bits = 24
		if w.v6 {
			w.bits = 64
		}
	}
	sub := ipam.Subnet{Prefix: netip.PrefixFrom(w.addr, w.bits).Masked()}
	if sub.Prefix.Contains(other.Gateway) {
		sub.Gateway = other.Gateway
	}
	return l.in(w, sub)
}
