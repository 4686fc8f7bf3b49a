package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Attach builds one leg of a container in its namespace: the sub-interface if
// it is not there, the macvlan under its final name, addresses, routes. undo
// takes it all back. A leg whose parent has no carrier is built all the same,
// with a warning.
func (s *Store) Attach(ctx context.Context, ns *Namespace, owner Owner, ep Endpoint) (at Attachment, undo func() error, err error) {
	h, err := openHost()
	if err != nil {
		return Attachment{}, nil, err
	}
	defer h.Close()
	used, err := s.use(h, owner.ID, ep)
	if err != nil {
		return Attachment{}, nil, err
	}
	a := &attaching{ns: ns, ep: ep, used: used}
	undo = func() error { return errors.Join(a.remove(), s.detachLeg(owner.ID, ep.IfName)) }
	if err := a.run(ctx, h); err != nil {
		return Attachment{}, nil, errors.Join(err, undo())
	}
	return a.attachment(), undo, nil
}

func (s *Store) detachLeg(containerID, ifName string) error {
	return s.leave(func(u linkUser) bool { return u.container == containerID && u.ifName == ifName })
}

type attaching struct {
	ns   *Namespace
	ep   Endpoint
	used usedLink
	link netlink.Link // the macvlan, in the namespace
}

// run follows the order on the wire: settings before the link comes up, the
// address after.
func (a *attaching) run(ctx context.Context, h host) error {
	in, err := a.ns.Handle()
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return a.make(ctx, h, in) },
		a.settings,
		func() error { return a.up(ctx, in) },
		ctx.Err,
		func() error { return a.addresses(in) },
		func() error { return a.defaultRoute(in, a.ep.Gateway, a.ep.Default) },
		func() error { return a.defaultRoute(in, a.ep.Gateway6, a.ep.Default6) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("attach %s to %s: %w", a.ep.IfName, a.ep.Segment, err)
		}
	}
	return nil
}

// make creates the macvlan in the container's namespace at once: made here and
// moved there, it would take 20 ms, and its name could be taken on the host.
func (a *attaching) make(ctx context.Context, h host, in *netlink.Handle) error {
	mtu := a.used.link.Attrs().MTU
	if a.ep.MTU > mtu {
		return fmt.Errorf("MTU %d is above the %d of %s", a.ep.MTU, mtu, a.used.link.Attrs().Name)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a.ep.IfName
	attrs.MTU = a.ep.MTU
	attrs.ParentIndex = a.used.link.Attrs().Index
	attrs.Namespace = netlink.NsFd(a.ns.File().Fd())
	if a.ep.MAC != "" {
		mac, err := net.ParseMAC(a.ep.MAC)
		if err != nil {
			return err
		}
		attrs.HardwareAddr = mac
	}
	err := unlessDying(ctx, unix.EINVAL, func() error {
		return h.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: macvlanMode(a.ep.Mode)})
	})
	if err != nil {
		return explainMacvlan(err, a)
	}
	link, err := in.LinkByName(a.ep.IfName)
	if err != nil {
		return fmt.Errorf("look up the new macvlan: %w", err)
	}
	a.link = link
	return nil
}

// dying is how long the kernel may take, on a busy host, to take a namespace
// apart whose last process has ended.
const dying = 2 * time.Second

// unlessDying repeats what fails with errno for as long as the cause may be a
// macvlan of the container's run before: it keeps its MAC address, or its link
// in passthru mode, until the kernel's own clean-up gets to it.
func unlessDying(ctx context.Context, errno unix.Errno, do func() error) error {
	begin := time.Now()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := do()
		if !errors.Is(err, errno) || time.Since(begin) > dying {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func macvlanMode(mode string) netlink.MacvlanMode {
	return map[string]netlink.MacvlanMode{
		"bridge":  netlink.MACVLAN_MODE_BRIDGE,
		"vepa":    netlink.MACVLAN_MODE_VEPA,
		"private": netlink.MACVLAN_MODE_PRIVATE,
		passthru:  netlink.MACVLAN_MODE_PASSTHRU,
	}[mode]
}

func explainMacvlan(err error, a *attaching) error {
	below := a.used.link.Attrs().Name
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("this kernel has no macvlan (CONFIG_MACVLAN, module macvlan): %w", err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%s is part of a bridge or a bond, or carries ipvlan: use that, or another parent: %w", below, err)
	case errors.Is(err, unix.EINVAL) && a.ep.Mode == passthru:
		return fmt.Errorf("%s has macvlans already, and passthru mode has its parent to itself: %w", below, err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s takes no macvlan (it is used in passthru mode, or is no Ethernet interface): %w", below, err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("the container has an interface %s already: %w", a.ep.IfName, err)
	}
	return fmt.Errorf("make macvlan: %w", err)
}

// settings are those that must precede link-up: a router's advertisement may
// come in the same moment.
func (a *attaching) settings() error {
	if a.hasIPv6() {
		return a.ns.Do(func() error {
			return errors.Join(
				setSysctl("ipv6", a.ep.IfName, "disable_ipv6", "0"),
				setSysctl("ipv6", a.ep.IfName, "accept_ra", "0"),
				setSysctl("ipv6", a.ep.IfName, "autoconf", "0"),
			)
		})
	}
	return a.ns.Do(func() error { return noIPv6(a.ep.IfName) })
}

func (a *attaching) hasIPv6() bool {
	for _, addr := range a.ep.Addrs {
		if addr.Addr().Is6() {
			return true
		}
	}
	return false
}

func (a *attaching) up(ctx context.Context, in *netlink.Handle) error {
	err := unlessDying(ctx, unix.EADDRINUSE, func() error { return in.LinkSetUp(a.link) })
	if errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("MAC address %s is in use on %s: %w", a.ep.MAC, a.used.link.Attrs().Name, err)
	}
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

func (a *attaching) addresses(in *netlink.Handle) error {
	for _, p := range a.ep.Addrs {
		addr := &netlink.Addr{IPNet: &net.IPNet{
			IP:   p.Addr().AsSlice(),
			Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}}
		if err := in.AddrAdd(a.link, addr); err != nil {
			return fmt.Errorf("add address %s: %w", p, err)
		}
	}
	return nil
}

// remove deletes the macvlan, for a namespace that lives on.
func (a *attaching) remove() error {
	if a.link == nil {
		return nil
	}
	in, err := a.ns.Handle()
	if err != nil {
		return err
	}
	if err := in.LinkDel(a.link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete %s: %w", a.ep.IfName, err)
	}
	return nil
}

func (a *attaching) attachment() Attachment {
	parent, below, own := a.used.parent.Attrs(), a.used.link.Attrs(), a.link.Attrs()
	at := Attachment{
		Network: a.ep.Network, Segment: a.ep.Segment,
		IfName: own.Name, IfIndex: own.Index, MAC: own.HardwareAddr.String(), MTU: own.MTU,
		Addrs: a.ep.Addrs, Gateway: a.ep.Gateway, Gateway6: a.ep.Gateway6,
		Link: below.Name, LinkIndex: below.Index, ParentIndex: parent.Index,
		Driver: a.used.driver, Carrier: carrier(a.used.parent),
	}
	if !at.Carrier {
		at.Warnings = append(at.Warnings, fmt.Sprintf("parent %s has no carrier: nothing gets through until its cable or switch port is up", parent.Name))
	}
	return at
}
