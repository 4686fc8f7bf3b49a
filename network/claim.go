package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/mvrun/mvrun/network/ipam"
)

type taken struct {
	claims ipam.Claims
	claim  ipam.Claim
}

// claim takes the leg's address, or marks its presence without one.
func (p *plan) claim(l *leg) error {
	others, err := p.store.onSegment(l.net.Segment)
	if err != nil {
		return err
	}
	if err := p.macFree(l, others); err != nil {
		return err
	}
	if l.auto {
		err := p.choose(l, others)
		if errors.Is(err, ipam.ErrExhausted) {
			// Addresses of containers that are no more are still to be had.
			if err := p.store.dropStale(others); err != nil {
				return err
			}
			err = p.choose(l, others)
		}
		if err != nil {
			return err
		}
	} else if err := p.addrFree(l, others); err != nil {
		return err
	}
	c := ipam.Claim{
		Container: p.owner.ID, Name: p.owner.Name, Endpoint: l.ep.ID,
		IfName: l.ep.IfName, MAC: l.ep.MAC, Addr: l.addr, Bits: l.bits,
	}
	claims := p.store.claims(l.net.Name)
	if err := claims.Take(c); err != nil {
		return fmt.Errorf("network %s: %w", l.net.Name, err)
	}
	p.taken = append(p.taken, taken{claims, c})
	if l.addr.IsValid() {
		l.ep.Addrs = []netip.Prefix{netip.PrefixFrom(l.addr, l.bits)}
	}
	return nil
}

// addrFree looks at every network of the segment: an address is one host's on
// the wire, whatever the networks on it are called. Claims of containers that
// are no more are dropped on the way.
func (p *plan) addrFree(l *leg, others []Config) error {
	for _, other := range others {
		claims, err := p.store.readable(other.Name)
		if err != nil {
			return err
		}
		for _, c := range claims {
			if !c.Addr.IsValid() || c.Addr != l.addr {
				continue
			}
			if p.store.exists(c.Container) {
				return fmt.Errorf("network %s: %w", other.Name, &ipam.ClaimedError{Claim: c})
			}
			if err := p.store.claims(other.Name).Drop(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *plan) macFree(l *leg, others []Config) error {
	if l.MAC == "" {
		return nil
	}
	for _, other := range others {
		claims, _ := p.store.readable(other.Name)
		for _, c := range claims {
			if c.MAC == l.ep.MAC && p.store.exists(c.Container) {
				return fmt.Errorf("MAC address %s is already used on %s by container %s", c.MAC, l.net.Segment, c.Who())
			}
		}
	}
	return nil
}

// choose picks the next free address of the network's first subnet that has
// one.
func (p *plan) choose(l *leg, others []Config) error {
	used := map[netip.Addr]bool{}
	for _, other := range others {
		addrs, err := p.store.claims(other.Name).Addrs()
		if err != nil {
			return err
		}
		for _, a := range addrs {
			used[a] = true
		}
		for _, sub := range other.Subnets {
			used[sub.Gateway] = true // the gateway of a neighbour network is a host on this wire, too
		}
	}
	hint := filepath.Join(p.store.path(l.net.Name), "last")
	data, _ := os.ReadFile(hint)
	prev, _ := netip.ParseAddr(string(data))
	var errs []error
	for _, sub := range l.pools() {
		a, err := sub.Next(prev, func(a netip.Addr) bool { return used[a] })
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.addr, l.bits = a, sub.Prefix.Bits()
		l.through(sub)
		// A hint alone: lost, the search begins at the subnet's start.
		_ = os.WriteFile(hint, []byte(a.String()), 0o644)
		return nil
	}
	return fmt.Errorf("network %s: %w", l.net.Name, errors.Join(errs...))
}
