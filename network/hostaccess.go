package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mvrun/mvrun/network/ipam"
)

// hostName is the auxiliary address that the host has on a network with host
// access; people who made such a link by hand have long called it so.
const hostName = "host"

// checkHostAccess refuses what host access can't do, by the words alone.
func (c *Config) checkHostAccess() error {
	switch {
	case c.HostAccess == "":
		return nil
	case c.Mode != Modes[0] && c.Mode != l2:
		return fmt.Errorf("host access needs mode bridge: in mode %s the host and the containers don't reach each other", c.Mode)
	case len(c.Subnets) == 0:
		return errors.New("host access needs an address for the host: give the network a --subnet")
	case c.HostAccess == "true":
		return nil
	}
	addr, err := netip.ParseAddr(c.HostAccess)
	if err != nil || addr.Zone() != "" {
		return fmt.Errorf("host access %q: it is true, or the host's address on the network", c.HostAccess)
	}
	for i := range c.Subnets {
		sub := &c.Subnets[i]
		if !sub.Prefix.Contains(addr) {
			continue
		}
		if have, taken := sub.Aux[hostName]; taken && have != addr {
			return fmt.Errorf("host access %s, and --aux-address host=%s: give one of them", addr, have)
		}
		delete(sub.Aux, hostName)
		if err := sub.Check(addr); err != nil {
			return fmt.Errorf("host access: %w", err)
		}
		sub.Keep(hostName, addr)
		return nil
	}
	return fmt.Errorf("host access %s is in no --subnet of the network", addr)
}

// giveHostAddresses decides, under the lock, on the addresses that the host
// has on the network: kept for it as auxiliary ones are. With an address asked
// for it is that one alone, else one of each subnet.
func (s *Store) giveHostAddresses(cfg *Config, others []Config) error {
	if cfg.HostAccess == "" {
		return nil
	}
	used, err := s.usedOn(others)
	if err != nil {
		return err
	}
	for i := range cfg.Subnets {
		sub := &cfg.Subnets[i]
		_, given := sub.Aux[hostName]
		if given || cfg.HostAccess != "true" {
			continue
		}
		a, err := sub.Next(netip.Addr{}, func(a netip.Addr) bool { return used[a] })
		if err != nil {
			return fmt.Errorf("host access: %w", err)
		}
		sub.Keep(hostName, a)
	}
	for _, a := range cfg.hostAddrs() {
		if err := s.addrFree(a, others); err != nil {
			return fmt.Errorf("host access: %w", err)
		}
	}
	return nil
}

// hostAddrs are the host's own on a network with host access.
func (c *Config) hostAddrs() (addrs []netip.Addr) {
	if c.HostAccess == "" {
		return nil
	}
	for _, sub := range c.Subnets {
		if a, ok := sub.Aux[hostName]; ok {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// seated is what the host's link on a network is there for.
type seated struct {
	legs  int          // of containers that run
	addrs []netip.Addr // of theirs, to have a route to
}

// seated counts the network's legs and their addresses, but for the legs that
// are on their way out.
func (s *Store) seated(l ledger, users []linkUser, rec hostLink, gone func(linkUser) bool) (found seated, err error) {
	claims, err := s.claims(rec.Network).List()
	if err != nil && !errors.Is(err, ipam.ErrCorrupt) {
		return seated{}, err
	}
	stays := func(u linkUser) bool { return s.running(u.container) && !gone(u) }
	for _, c := range claims {
		if c.Addr.IsValid() && stays(linkUser{rec.key(), c.Container, rec.Mode, c.IfName}) {
			found.addrs = append(found.addrs, c.Addr)
		}
	}
	cfg, _ := s.read(rec.Network) // one that can't be read: no route but to claims
	for _, u := range users {
		if u.key != rec.key() || !stays(u) {
			continue
		}
		if leg, _ := l.user(u); leg.NetworkID == rec.NetworkID {
			found.legs++
			found.addrs = append(found.addrs, slices.DeleteFunc(leg.Learned, func(a netip.Addr) bool { return !cfg.mayRoute(a) })...)
		}
	}
	slices.SortFunc(found.addrs, netip.Addr.Compare)
	found.addrs = slices.Compact(found.addrs)
	return found, nil
}

// mayRoute tells whether the host may send what is for the address to the
// container that learned it. A server or a router on the segment must not be
// able to draw the host's other traffic there.
func (c *Config) mayRoute(a netip.Addr) bool {
	return slices.ContainsFunc(c.Subnets, func(sub Subnet) bool { return sub.Check(a) == nil })
}
