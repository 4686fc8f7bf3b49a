package store

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// Reclaim sees to it that an endpoint's claims are its container's still: a
// person may have released them while it was stopped. What nobody took since
// is claimed again.
func (s *Store) Reclaim(owner network.Owner, ep network.Endpoint) error {
	var addrs []netip.Prefix
	for _, p := range wanted(ep) {
		if c, err := s.claims(ep.Network).Get(ep.ID, p.Addr()); err != nil || c.Container != owner.ID {
			addrs = append(addrs, p)
		}
	}
	if len(addrs) == 0 {
		return nil
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return s.reclaim(owner, ep, addrs)
}

func (s *Store) reclaim(owner network.Owner, ep network.Endpoint, addrs []netip.Prefix) error {
	if cfg, err := s.read(ep.Network); err != nil || cfg.ID != ep.NetworkID {
		return fmt.Errorf("network %s %w: it was removed after its addresses had been released: disconnect the container from it", ep.Network, network.ErrNotFound)
	}
	others, err := s.onSegment(ep.Segment)
	if err != nil {
		return err
	}
	for _, p := range addrs {
		c := ipam.Claim{Container: owner.ID, Name: owner.Name, Endpoint: ep.ID, IfName: ep.IfName, MAC: ep.MAC, Addr: p.Addr(), Bits: p.Bits()}
		if p.IsValid() {
			if err := s.addrFree(p.Addr(), others); err != nil {
				return fmt.Errorf("%w: it was released: disconnect this container and connect it anew", err)
			}
		} else {
			c.Addr, c.Bits = netip.Addr{}, 0
		}
		if err := s.claims(ep.Network).Take(c); err != nil {
			return fmt.Errorf("network %s: %w", ep.Network, err)
		}
	}
	return nil
}

// wanted are the endpoint's addresses; one that has none is present without,
// which the zero prefix stands for.
func wanted(ep network.Endpoint) []netip.Prefix {
	if len(ep.Addrs) == 0 {
		return []netip.Prefix{{}}
	}
	return ep.Addrs
}

// ReleaseAddr frees an address by hand. It is refused while the container that
// has it runs: it would go on to use it.
func (s *Store) ReleaseAddr(nameOrID string, addr netip.Addr) error {
	cfg, err := s.Get(nameOrID)
	if err != nil {
		return err
	}
	if cfg.Predefined() {
		return fmt.Errorf("network %s has no addresses", cfg.Name)
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := s.claims(cfg.Name).Get("", addr)
	switch {
	case errors.Is(err, ipam.ErrCorrupt):
		c.Addr = addr // whatever it was
	case err != nil:
		return fmt.Errorf("network %s: nobody has address %s", cfg.Name, addr)
	case s.running(c.Container):
		return fmt.Errorf("address %s is container %s's, which runs (since %s): stop it, or disconnect it from %s",
			addr, c.Who(), c.Since.Local().Format(time.DateTime), cfg.Name)
	}
	if err := s.claims(cfg.Name).Drop(c); err != nil {
		return err
	}
	return s.dropIfUnused(cfg.Name)
}
