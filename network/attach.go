package network

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
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
