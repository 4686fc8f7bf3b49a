package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// HostAddrName is the auxiliary address that the host has on a network with host
// access; people who made such a link by hand have long called it so.
const HostAddrName = "host"

// checkHostAccess refuses what host access can't do, by the words alone.
func (c *Config) checkHostAccess() error {
	switch {
	case c.HostAccess == "":
		return nil
	case !c.Mode.HostAccess():
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
		if have, taken := sub.Aux[HostAddrName]; taken && have != addr {
			return fmt.Errorf("host access %s, and --aux-address host=%s: give one of them", addr, have)
		}
		delete(sub.Aux, HostAddrName)
		if err := sub.Check(addr); err != nil {
			return fmt.Errorf("host access: %w", err)
		}
		sub.Keep(HostAddrName, addr)
		return nil
	}
	return fmt.Errorf("host access %s is in no --subnet of the network", addr)
}

// HostAddrs are the host's own on a network with host access.
func (c *Config) HostAddrs() (addrs []netip.Addr) {
	if c.HostAccess == "" {
		return nil
	}
	for _, sub := range c.Subnets {
		if a, ok := sub.Aux[HostAddrName]; ok {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// MayRoute tells whether the host may send what is for the address to the
// container that learned it. A server or a router on the segment must not be
// able to draw the host's other traffic there.
func (c *Config) MayRoute(a netip.Addr) bool {
	return slices.ContainsFunc(c.Subnets, func(sub Subnet) bool { return sub.Check(a) == nil })
}
