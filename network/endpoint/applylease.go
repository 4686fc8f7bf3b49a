package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/dhcp"
)

// leased applies what became of the lease, and passes it on.
func (l *Attached) leased(e dhcp.Event) {
	var err error
	if e.Kind == dhcp.Expired {
		err = l.loseLease(e.Lease)
	} else {
		err = l.useLease(e.Lease)
	}
	err = errors.Join(err, l.tellHost())
	if l.hooks.Lease != nil {
		l.hooks.Lease(l, e, err)
	}
	l.firstLease(err)
}

// useLease brings the interface to what the lease says, from whatever it is;
// idempotent.
func (l *Attached) useLease(lease dhcp.Lease) error {
	in, err := l.dev.ns.Handle()
	if err != nil {
		return err
	}
	if err := in.AddrReplace(l.dev.link, leasedAddr(lease, time.Now())); err != nil {
		return fmt.Errorf("add address %s: %w", lease.Addr, err)
	}
	old := l.swapLease(&lease)
	if old != nil && old.Addr != lease.Addr {
		_ = in.AddrDel(l.dev.link, kernelAddr(old.Addr))
	}
	errs := []error{l.leaseMTU(in, lease)}
	if old != nil {
		for _, r := range l.leaseRoutes(*old) {
			if !containsRoute(l.leaseRoutes(lease), r) {
				errs = append(errs, ignoring(unix.ESRCH, in.RouteDel(l.kernelRoute(r, lease))))
			}
		}
	}
	for _, r := range l.leaseRoutes(lease) {
		if err := in.RouteReplace(l.kernelRoute(r, lease)); err != nil {
			errs = append(errs, fmt.Errorf("add route to %s through %s: %w", r.Dst, r.Via, err))
		}
	}
	return errors.Join(errs...)
}

// swapLease puts the lease into the attachment, and its address under guard.
func (l *Attached) swapLease(lease *dhcp.Lease) (old *dhcp.Lease) {
	l.mu.Lock()
	old, l.leasing.current = l.leasing.current, lease
	w := l.leasing.next
	l.leasing.next = nil
	l.at.Lease, l.at.Gateway = lease, netip.Addr{}
	if !l.dev.ep.Internal {
		l.at.Gateway = lease.Gateway()
	}
	l.at.Addrs = append([]netip.Prefix{lease.Addr}, l.otherAddrs(old)...)
	l.mu.Unlock()
	if w != nil {
		l.add(w)
	}
	return old
}

// otherAddrs are the leg's addresses but for the leased one, under the lock.
func (l *Attached) otherAddrs(leased *dhcp.Lease) (others []netip.Prefix) {
	for _, p := range l.at.Addrs {
		if leased == nil || p != leased.Addr {
			others = append(others, p)
		}
	}
	return others
}

// loseLease takes the address away; its routes go with it.
func (l *Attached) loseLease(lease dhcp.Lease) error {
	in, err := l.dev.ns.Handle()
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.at.Addrs, l.at.Gateway, l.at.Lease = l.otherAddrs(&lease), netip.Addr{}, nil
	l.leasing.current = nil
	for i, w := range l.addrs {
		if w.claim.Addr == lease.Addr.Addr() {
			w.close()
			l.addrs = append(l.addrs[:i:i], l.addrs[i+1:]...)
			break
		}
	}
	l.mu.Unlock()
	// The kernel may have been first, by the address's own lifetime.
	return ignoring(unix.EADDRNOTAVAIL, in.AddrDel(l.dev.link, kernelAddr(lease.Addr)))
}

// leasedAddr ends by itself with the lease, whatever may hold up or kill us.
func leasedAddr(lease dhcp.Lease, now time.Time) *netlink.Addr {
	addr := kernelAddr(lease.Addr)
	if !lease.Expire.IsZero() {
		left := max(1, int(lease.Expire.Sub(now)/time.Second))
		addr.ValidLft, addr.PreferedLft = left, left
	}
	return addr
}

// leaseMTU applies option 26, never above what the link below can carry; the
// user's own --mtu goes first.
func (l *Attached) leaseMTU(in *netlink.Handle, lease dhcp.Lease) error {
	if l.dev.ep.MTU != 0 {
		return nil
	}
	most := l.dev.lower.Link.Attrs().MTU
	mtu := most
	if lease.MTU != 0 {
		mtu = min(lease.MTU, most)
	}
	if l.Attachment().MTU == mtu {
		return nil
	}
	if err := in.LinkSetMTU(l.dev.link, mtu); err != nil {
		return fmt.Errorf("set MTU %d: %w", mtu, err)
	}
	l.mu.Lock()
	l.at.MTU = mtu
	l.mu.Unlock()
	return nil
}

// leaseRoutes are those that the leg takes: the default route if it is the one
// that leads out, and behind gateways nothing on an internal network.
func (l *Attached) leaseRoutes(lease dhcp.Lease) (routes []dhcp.Route) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range lease.Routes {
		switch {
		case r.Dst.Bits() == 0 && !l.isDefault:
		case r.Via.IsValid() && l.dev.ep.Internal:
		default:
			routes = append(routes, r)
		}
	}
	return routes
}

// SetDefaultRoute gives the endpoint the default route that its lease names, or takes it from
// it, now and with every later lease. Without a lease it does neither, yet.
func (l *Attached) SetDefaultRoute(is bool) error {
	l.mu.Lock()
	was := l.isDefault
	l.isDefault = is
	var lease *dhcp.Lease
	if l.leasing != nil {
		lease = l.leasing.current
	}
	l.mu.Unlock()
	in, err := l.dev.ns.Handle()
	if lease == nil || was == is || err != nil {
		return err
	}
	for _, r := range lease.Routes {
		switch {
		case r.Dst.Bits() != 0 || l.dev.ep.Internal:
		case is:
			err = in.RouteReplace(l.kernelRoute(r, *lease))
		default:
			err = ignoring(unix.ESRCH, in.RouteDel(l.kernelRoute(r, *lease)))
		}
	}
	return err
}

func containsRoute(routes []dhcp.Route, r dhcp.Route) bool {
	for _, o := range routes {
		if o == r {
			return true
		}
	}
	return false
}

// kernelRoute is a route of the lease's; a gateway outside of its subnet is on
// the link all the same.
func (l *Attached) kernelRoute(r dhcp.Route, lease dhcp.Lease) *netlink.Route {
	route := &netlink.Route{LinkIndex: l.dev.link.Attrs().Index, Protocol: unix.RTPROT_DHCP}
	route.Dst = &net.IPNet{IP: r.Dst.Addr().AsSlice(), Mask: net.CIDRMask(r.Dst.Bits(), 32)}
	if !r.Via.IsValid() {
		route.Scope = netlink.SCOPE_LINK
		return route
	}
	route.Gw = r.Via.AsSlice()
	if !lease.Addr.Contains(r.Via) {
		route.SetFlag(netlink.FLAG_ONLINK)
	}
	return route
}

func ignoring(errno unix.Errno, err error) error {
	if errors.Is(err, errno) {
		return nil
	}
	return err
}
