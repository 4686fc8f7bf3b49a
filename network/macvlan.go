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

// make creates the macvlan in the container's namespace at once: made here and
// moved there, it would take 20 ms, and its name could be taken on the host. One
// that was made ahead is taken.
func (a *attaching) make(ctx context.Context, h host, in *netlink.Handle) error {
	if a.begun() {
		var err error
		a.link, err = in.LinkByName(a.ep.IfName)
		return err
	}
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
		return h.LinkAdd(child(attrs, a.ep.Mode))
	})
	if err != nil {
		return explainMacvlan(err, a)
	}
	link, err := in.LinkByName(a.ep.IfName)
	if err != nil {
		return fmt.Errorf("look up the new macvlan: %w", err)
	}
	a.link = link
	return a.limitBroadcasts()
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
	case errors.Is(err, unix.EOPNOTSUPP) && a.ep.Mode == l2:
		return fmt.Errorf("this kernel has no ipvlan (CONFIG_IPVLAN, module ipvlan): %w", err)
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
