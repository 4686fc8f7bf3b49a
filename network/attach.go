package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// Attach builds one leg of a container in its namespace: the sub-interface if
// it is not there, the macvlan under its final name, addresses that nobody else
// has, routes. A leg whose parent has no carrier is built all the same, with a
// warning. On an error nothing is left; the leg's Undo takes it all back.
func (s *Store) Attach(ctx context.Context, ns *Namespace, owner Owner, ep Endpoint, hooks Hooks) (*Leg, error) {
	h, err := openHost()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	used, err := s.use(ctx, h, owner.ID, ep)
	if err != nil {
		return nil, err
	}
	leg := s.newLeg(&attaching{ns: ns, ep: ep, used: used}, owner, hooks)
	if err := leg.run(ctx, h); err != nil {
		return nil, errors.Join(err, leg.Undo())
	}
	return leg, nil
}

func (s *Store) detachLeg(containerID, ifName string) error {
	return s.leave(func(u linkUser) bool { return u.container == containerID && u.ifName == ifName })
}

type attaching struct {
	ns   *Namespace
	ep   Endpoint
	used usedLink
	link netlink.Link // the macvlan, in the namespace

	probed bool // nobody on the LAN has the addresses
}

// run follows the order on the wire: settings before the link comes up, the
// address after.
func (l *Leg) run(ctx context.Context, h host) error {
	in, err := l.ns.Handle()
	if err != nil {
		return err
	}
	if l.parent, err = watchParent(l.used.parent); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return l.make(ctx, h, in) },
		l.settings,
		l.listenForRouters,
		func() error { return l.up(ctx, in) },
		ctx.Err,
		func() error { return l.probe(ctx, h) },
		func() error { return l.addresses(in) },
		func() error { return l.defaultRoute(in, l.ep.Gateway, l.ep.Default) },
		func() error { return l.defaultRoute(in, l.ep.Gateway6, l.ep.Default6) },
		func() error { l.at = l.attachment(); return nil },
		func() error { return l.lease(ctx) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("attach %s to %s: %w", l.ep.IfName, l.ep.Segment, err)
		}
	}
	return nil
}

func (a *attaching) addresses(in *netlink.Handle) error {
	for _, p := range a.ep.Addrs {
		if err := in.AddrAdd(a.link, a.staticAddr(p)); err != nil {
			return fmt.Errorf("add address %s: %w", p, err)
		}
	}
	return nil
}

func (l *Leg) attachment() Attachment {
	parent, below, own := l.used.parent.Attrs(), l.used.link.Attrs(), l.link.Attrs()
	at := Attachment{
		Network: l.ep.Network, Segment: l.ep.Segment,
		IfName: own.Name, IfIndex: own.Index, MAC: own.HardwareAddr.String(), MTU: own.MTU,
		Addrs: l.ep.Addrs, Gateway: l.ep.Gateway, Gateway6: l.ep.Gateway6,
		Link: below.Name, LinkIndex: below.Index, ParentIndex: parent.Index,
		Driver: l.used.driver, Carrier: carrier(l.used.parent),
	}
	at.Warnings = l.warnings
	if !at.Carrier {
		at.Warnings = append(at.Warnings, fmt.Sprintf("parent %s has no carrier: nothing gets through until its cable or switch port is up", parent.Name))
	}
	return at
}
