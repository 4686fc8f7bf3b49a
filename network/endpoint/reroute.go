package endpoint

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// Reroute brings the default routes of a running container in line with its
// endpoints, after one came or before one goes: the new one takes the place of
// the old in one step, so that no packet finds none. Routes that the container
// made itself stay. Idempotent.
func Reroute(ns *trunk.Namespace, eps []network.Endpoint) error {
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
		d := &device{ns: ns, ep: ep, link: link}
		if ep.Default {
			errs = append(errs, d.replaceDefault(in, ep.Gateway))
		}
		if ep.Default6 {
			errs = append(errs, d.replaceDefault(in, ep.Gateway6))
		}
	}
	for _, ep := range eps {
		if link, err := in.LinkByName(ep.IfName); err == nil {
			d := &device{ns: ns, ep: ep, link: link}
			errs = append(errs, d.acceptRouters(), d.dropDefaults(in))
		}
	}
	return errors.Join(errs...)
}

func (d *device) replaceDefault(in *netlink.Handle, gateway netip.Addr) error {
	if !gateway.IsValid() {
		return nil // by DHCP, or from a router
	}
	if err := in.RouteReplace(d.defaultVia(gateway)); err != nil {
		return fmt.Errorf("set default route through %s: %w", gateway, err)
	}
	return nil
}

// acceptRouters lets a leg take its default route from a router, or not.
func (d *device) acceptRouters() error {
	if d.ep.IPv6 != network.SLAAC {
		return nil
	}
	return d.ns.Do(func() error {
		for _, s := range ipv6Settings(d.ep) {
			if s.key == "accept_ra_defrtr" {
				return trunk.SetSysctl("ipv6", d.ep.IfName, s.key, s.value)
			}
		}
		return nil
	})
}

// dropDefaults removes the default routes that mvrun, or a router, gave a leg
// that is not to lead out any more.
func (d *device) dropDefaults(in *netlink.Handle) error {
	var errs []error
	for _, f := range []struct {
		family    int
		isDefault bool
		gateway   netip.Addr
	}{{netlink.FAMILY_V4, d.ep.Default, d.ep.Gateway}, {netlink.FAMILY_V6, d.ep.Default6, d.ep.Gateway6}} {
		if f.isDefault {
			continue
		}
		routes, err := trunk.Handle{Handle: in}.Routes(d.link, f.family)
		if err != nil {
			errs = append(errs, fmt.Errorf("read routes: %w", err))
		}
		for _, r := range routes {
			via, _ := netip.AddrFromSlice(r.Gw)
			if !trunk.IsDefaultRoute(r) || via.Unmap() != f.gateway && r.Protocol != unix.RTPROT_RA {
				continue
			}
			if err := in.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("delete default route through %s: %w", via, err))
			}
		}
	}
	return errors.Join(errs...)
}
