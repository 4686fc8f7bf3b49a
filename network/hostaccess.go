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

// reachable are the addresses that the host is to have routes to: those of the
// network's containers that run, but for the legs that are on their way out.
func (s *Store) reachable(network string, key linkKey, mode string, gone func(linkUser) bool) ([]netip.Addr, error) {
	claims, err := s.claims(network).List()
	if err != nil && !errors.Is(err, ipam.ErrCorrupt) {
		return nil, err
	}
	var addrs []netip.Addr
	for _, c := range claims {
		u := linkUser{key, c.Container, mode, c.IfName}
		if c.Addr.IsValid() && s.running(c.Container) && !gone(u) {
			addrs = append(addrs, c.Addr)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs, nil
}
