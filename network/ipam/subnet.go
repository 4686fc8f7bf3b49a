// Package ipam decides which addresses containers get. It knows subnets and
// claims, and nothing of links.
package ipam

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// ErrExhausted says that a subnet has no free address left.
var ErrExhausted = errors.New("no free address left")

// Subnet is one pool of addresses. Only Prefix is always set.
type Subnet struct {
	Prefix  netip.Prefix `json:"prefix"`
	Gateway netip.Addr   `json:"gateway,omitzero"`
	IPRange netip.Prefix `json:"ip_range,omitzero"` // automatic addresses come from here
	// NoGateway says that there is none, not even the first address.
	NoGateway bool                  `json:"no_gateway,omitempty"`
	Aux       map[string]netip.Addr `json:"aux,omitempty"` // taken by others, by name
}

// Validate says what is wrong with the subnet, if anything is. The gateway may
// be anywhere: one outside the subnet is reached on the link all the same.
func (s Subnet) Validate() error {
	p := s.Prefix
	switch {
	case !p.IsValid():
		return errors.New("a subnet needs a prefix such as 172.16.10.0/24")
	case p.Addr().Is4In6():
		return fmt.Errorf("subnet %s: write IPv4 addresses as IPv4", p)
	case p != p.Masked():
		return fmt.Errorf("subnet %s has host bits set: it should be %s", p, p.Masked())
	case slices.ContainsFunc(noHosts, p.Overlaps):
		return fmt.Errorf("subnet %s holds addresses that no host can have", p)
	}
	if err := s.validateRange(); err != nil {
		return err
	}
	for name, a := range s.Aux {
		if !p.Contains(a) {
			return fmt.Errorf("auxiliary address %s=%s is not in subnet %s", name, a, p)
		}
	}
	return s.validateGateway()
}

func (s Subnet) validateRange() error {
	r := s.IPRange
	switch {
	case r == netip.Prefix{}:
		return nil
	case r != r.Masked():
		return fmt.Errorf("IP range %s has host bits set: it should be %s", r, r.Masked())
	case r.Bits() < s.Prefix.Bits() || !s.Prefix.Contains(r.Addr()):
		return fmt.Errorf("IP range %s is not inside subnet %s", r, s.Prefix)
	}
	return nil
}

func (s Subnet) validateGateway() error {
	g := s.Gateway
	switch {
	case !g.IsValid():
		return nil
	case g.Is4() != s.Prefix.Addr().Is4() || g.Is4In6():
		return fmt.Errorf("gateway %s and subnet %s are of different families", g, s.Prefix)
	case !hostAddr(g):
		return fmt.Errorf("gateway %s is not the address of a host", g)
	}
	return s.checkEdge(g)
}

// noHosts are the blocks without hosts: "this network" and loopback (RFC 1122
// 3.2.1.3), multicast, and their like in IPv6 (RFC 4291).
var noHosts = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("255.255.255.255/32"),
	netip.MustParsePrefix("::/127"), netip.MustParsePrefix("ff00::/8"),
}

func hostAddr(a netip.Addr) bool {
	return !slices.ContainsFunc(noHosts, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Check says why a container can't have the address, nil if it can as far as
// the subnet knows. Who claimed it is another question.
func (s Subnet) Check(a netip.Addr) error {
	if !s.Prefix.Contains(a) {
		return fmt.Errorf("address %s is not in subnet %s", a, s.Prefix)
	}
	if !hostAddr(a) { // of a subnet that was never validated
		return fmt.Errorf("address %s is not the address of a host", a)
	}
	if err := s.checkEdge(a); err != nil {
		return err
	}
	if a == s.Gateway {
		return fmt.Errorf("address %s is the gateway's", a)
	}
	for name, aux := range s.Aux {
		if a == aux {
			return fmt.Errorf("address %s is kept for %s (--aux-address)", a, name)
		}
	}
	return nil
}

// Keep keeps an address for what has the name, as --aux-address does.
func (s *Subnet) Keep(name string, a netip.Addr) {
	if s.Aux == nil {
		s.Aux = map[string]netip.Addr{}
	}
	s.Aux[name] = a
}

// checkEdge refuses the first and the last address where they have a meaning
// of their own: not in /31 and /32 (RFC 3021), nor in /127 (RFC 6164) and /128.
func (s Subnet) checkEdge(a netip.Addr) error {
	if s.Prefix.Bits() >= a.BitLen()-1 {
		return nil
	}
	switch {
	case a == s.Prefix.Addr() && a.Is4():
		return fmt.Errorf("address %s is the network address of %s", a, s.Prefix)
	case a == s.Prefix.Addr():
		return fmt.Errorf("address %s is the routers' anycast address of %s (RFC 4291)", a, s.Prefix)
	case a.Is4() && a == last(s.Prefix):
		return fmt.Errorf("address %s is the broadcast address of %s", a, s.Prefix)
	}
	return nil
}

// DefaultGateway is the first address that a host can have; none where the
// subnet has room for one host alone.
func (s Subnet) DefaultGateway() netip.Addr {
	if s.Prefix.IsSingleIP() {
		return netip.Addr{}
	}
	a := s.Prefix.Addr()
	if s.checkEdge(a) != nil {
		return a.Next()
	}
	return a
}

// Next is the address after prev, in the IP range if there is one, that Check
// lets through and nobody has. It wraps. A prev outside the range begins anew.
func (s Subnet) Next(prev netip.Addr, taken func(netip.Addr) bool) (netip.Addr, error) {
	pool := s.Prefix
	if s.IPRange.IsValid() {
		pool = s.IPRange
	}
	start := pool.Addr()
	if pool.Contains(prev) {
		start = after(prev, pool)
	}
	for a := start; ; {
		if !taken(a) && s.Check(a) == nil {
			return a, nil
		}
		if a = after(a, pool); a == start {
			return netip.Addr{}, fmt.Errorf("%w in %s", ErrExhausted, pool)
		}
	}
}

// after is the address that follows a in the pool, around its end.
func after(a netip.Addr, pool netip.Prefix) netip.Addr {
	if next := a.Next(); pool.Contains(next) {
		return next
	}
	return pool.Addr()
}

// last is the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
