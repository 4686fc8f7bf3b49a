package store

import (
	"fmt"
	"net/netip"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

type taken struct {
	claims ipam.Claims
	claim  ipam.Claim
}

// claim takes the leg's addresses of one kind, asked for or automatic.
func (p *plan) claim(l *leg, auto bool) error {
	others, err := p.store.onSegment(l.net.Segment)
	if err != nil {
		return err
	}
	if err := p.macFree(l, others); err != nil {
		return err
	}
	for i := range l.wants {
		w := &l.wants[i]
		if w.auto() != auto {
			continue
		}
		if auto {
			err = p.choose(l, w, others)
		} else {
			err = p.store.addrFree(w.addr, others)
		}
		if err == nil {
			err = p.take(l, *w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take makes the claim; a zero want is the leg's presence without an address.
func (p *plan) take(l *leg, w want) error {
	c := ipam.Claim{
		Container: p.owner.ID, Name: p.owner.Name, Endpoint: l.ep.ID,
		IfName: l.ep.IfName, MAC: l.ep.MAC, Addr: w.addr, Bits: w.bits,
	}
	claims := p.store.claims(l.net.Name)
	if err := claims.Take(c); err != nil {
		return fmt.Errorf("network %s: %w", l.net.Name, err)
	}
	p.taken = append(p.taken, taken{claims, c})
	return nil
}

// settle writes the claimed addresses into the endpoint, IPv4 first. A leg
// without one is marked as present: it keeps its network alive.
func (p *plan) settle(l *leg) error {
	for _, w := range l.wants {
		l.ep.Addrs = append(l.ep.Addrs, netip.PrefixFrom(w.addr, w.bits))
	}
	if len(l.wants) == 0 {
		return p.take(l, want{})
	}
	return nil
}

// addrFree looks at every network of the segment: an address is one host's on
// the wire, whatever the networks on it are called. Claims of containers that
// are no more are dropped on the way.
func (s *Store) addrFree(addr netip.Addr, nets []network.Config) error {
	for _, cfg := range nets {
		claims, err := s.readable(cfg.Name)
		if err != nil {
			return err
		}
		for _, c := range claims {
			if c.Addr != addr {
				continue
			}
			if s.exists(c.Container) {
				return fmt.Errorf("network %s: %w", cfg.Name, &ipam.ClaimedError{Claim: c})
			}
			if err := s.claims(cfg.Name).Drop(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *plan) macFree(l *leg, others []network.Config) error {
	if l.MAC == nil {
		return nil
	}
	if c, taken := p.macOwner(l, others); taken {
		return fmt.Errorf("MAC address %s is already used on %s by container %s", c.MAC, l.net.Segment, c.Who())
	}
	return nil
}

// macOwner finds another endpoint's claim with the leg's MAC address.
func (p *plan) macOwner(l *leg, nets []network.Config) (c ipam.Claim, taken bool) {
	for _, cfg := range nets {
		claims, _ := p.store.readable(cfg.Name)
		for _, c := range claims {
			if c.MAC == l.ep.MAC && c.Endpoint != l.ep.ID && p.store.exists(c.Container) {
				return c, true
			}
		}
	}
	return ipam.Claim{}, false
}

// ContainerWith names the container of this host that has the MAC address on
// the segment, other than the one with the ID but; "" if none has.
func (s *Store) ContainerWith(seg network.Segment, mac, but string) string {
	nets, err := s.onSegment(seg)
	if err != nil {
		return ""
	}
	for _, cfg := range nets {
		claims, _ := s.readable(cfg.Name)
		for _, c := range claims {
			if c.MAC == mac && c.Container != but {
				return c.Who()
			}
		}
	}
	return ""
}

// ClaimedByOther is an error if another container than the one with the ID has
// claimed the address on the segment.
func (s *Store) ClaimedByOther(seg network.Segment, addr netip.Addr, containerID string) error {
	nets, err := s.onSegment(seg)
	if err != nil {
		return err
	}
	for _, cfg := range nets {
		claims, _ := s.readable(cfg.Name)
		for _, c := range claims {
			if c.Addr == addr && c.Container != containerID && s.exists(c.Container) {
				return fmt.Errorf("address %s %w: container %s has it", addr, network.ErrTaken, c.Who())
			}
		}
	}
	return nil
}
