package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Reroute brings the default routes of a running container in line with its
// endpoints, after one came or before one goes: the new one takes the place of
// the old in one step, so that no packet finds none. Routes that the container
// made itself stay. Idempotent.
func (s *Store) Reroute(ns *Namespace, eps []Endpoint) error {
	in, err := ns.Handle()
	if err != nil {
		return err
	}
	var errs []error
	for _, ep := range eps {
		link, err := in.LinkByName(ep.IfName)
		if err != nil {
			continue // its parent is gone; there is nothing to route
		}
		a := &attaching{ns: ns, ep: ep, link: link}
		if ep.Default {
			errs = append(errs, a.replaceDefault(in, ep.Gateway))
		}
		if ep.Default6 {
			errs = append(errs, a.replaceDefault(in, ep.Gateway6))
		}
	}
	for _, ep := range eps {
		if link, err := in.LinkByName(ep.IfName); err == nil {
			a := &attaching{ns: ns, ep: ep, link: link}
			errs = append(errs, a.followRouters(), a.dropDefaults(in))
		}
	}
	return errors.Join(errs...)
}

func (a *attaching) replaceDefault(in *netlink.Handle, gateway netip.Addr) error {
	if !gateway.IsValid() {
		return nil // by DHCP, or from a router
	}
	if err := in.RouteReplace(a.defaultVia(gateway)); err != nil {
		return fmt.Errorf("set default route through %s: %w", gateway, err)
	}
	return nil
}

// followRouters lets a leg take its default route from a router, or not.
func (a *attaching) followRouters() error {
	if a.ep.IPv6 != SLAAC {
		return nil
	}
	return a.ns.Do(func() error {
		for _, s := range a.ep.ipv6Settings() {
			if s.key == "accept_ra_defrtr" {
				return setSysctl("ipv6", a.ep.IfName, s.key, s.value)
			}
		}
		return nil
	})
}

// dropDefaults removes the default routes that mvrun, or a router, gave a leg
// that is not to lead out any more.
func (a *attaching) dropDefaults(in *netlink.Handle) error {
	var errs []error
	for _, f := range []struct {
		family  int
		leads   bool
		gateway netip.Addr
	}{{netlink.FAMILY_V4, a.ep.Default, a.ep.Gateway}, {netlink.FAMILY_V6, a.ep.Default6, a.ep.Gateway6}} {
		if f.leads {
			continue
		}
		routes, err := in.RouteList(a.link, f.family)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			errs = append(errs, fmt.Errorf("read routes: %w", err))
		}
		for _, r := range routes {
			via, _ := netip.AddrFromSlice(r.Gw)
			if !isDefault(r) || via.Unmap() != f.gateway && r.Protocol != unix.RTPROT_RA {
				continue
			}
			if err := in.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("delete default route through %s: %w", via, err))
			}
		}
	}
	return errors.Join(errs...)
}
