package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// device is an endpoint's interface in the container's namespace.
type device struct {
	ns       *trunk.Namespace
	ep       network.Endpoint
	lower    trunk.Lower
	link     netlink.Link // nil before make
	prepared Prepared     // nil: nothing is
}

// make creates the interface in the container's namespace at once: made here and
// moved there, it would take 20 ms, and its name could be taken on the host. One
// that another process has made is taken.
func (d *device) make(ctx context.Context, h trunk.Handle, in *netlink.Handle) error {
	if d.prepared != nil && d.prepared.TakeLink(d.ep.IfName) {
		var err error
		d.link, err = in.LinkByName(d.ep.IfName)
		return err
	}
	mtu := d.lower.Link.Attrs().MTU
	if d.ep.MTU > mtu {
		return fmt.Errorf("MTU %d is above the %d of %s", d.ep.MTU, mtu, d.lower.Link.Attrs().Name)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = d.ep.IfName
	attrs.MTU = d.ep.MTU
	attrs.ParentIndex = d.lower.Link.Attrs().Index
	attrs.Namespace = netlink.NsFd(d.ns.File().Fd())
	if d.ep.MAC != "" {
		mac, err := net.ParseMAC(d.ep.MAC)
		if err != nil {
			return err
		}
		attrs.HardwareAddr = mac
	}
	err := unlessDying(ctx, unix.EINVAL, func() error {
		return h.LinkAdd(trunk.DriverOf(d.ep.Mode).Make(attrs))
	})
	if err != nil {
		if errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("the container has an interface %s already: %w", d.ep.IfName, err)
		}
		return trunk.DriverOf(d.ep.Mode).Explain(err, d.lower.Link.Attrs().Name)
	}
	link, err := in.LinkByName(d.ep.IfName)
	if err != nil {
		return fmt.Errorf("look up the new interface: %w", err)
	}
	d.link = link
	return d.limitBroadcasts()
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

func (d *device) up(ctx context.Context, in *netlink.Handle) error {
	err := unlessDying(ctx, unix.EADDRINUSE, func() error { return in.LinkSetUp(d.link) })
	if errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("MAC address %s is in use on %s: %w", d.ep.MAC, d.lower.Link.Attrs().Name, err)
	}
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

// remove deletes the interface, for a namespace that lives on.
func (d *device) remove() error {
	if d.link == nil {
		return nil
	}
	in, err := d.ns.Handle()
	if err != nil {
		return err
	}
	if err := in.LinkDel(d.link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete %s: %w", d.ep.IfName, err)
	}
	return nil
}
