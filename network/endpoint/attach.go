package endpoint

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// Attach builds one endpoint of a container in its namespace: the sub-interface
// if it is not there, the macvlan under its final name, addresses that nobody else
// has, routes. One whose parent has no carrier is built all the same, with a
// warning. On an error nothing is left; Undo takes it all back.
func (m *Manager) Attach(ctx context.Context, ns *trunk.Namespace, owner network.Owner, ep network.Endpoint, hooks Hooks) (*Attached, error) {
	h, err := trunk.Open()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	lower, err := m.use(ctx, owner.ID, ep)
	if err != nil {
		return nil, err
	}
	l := newAttached(m, &device{ns: ns, ep: ep, lower: lower, prepared: hooks.Prepared}, owner, hooks)
	if err := l.run(ctx, h); err != nil {
		return nil, errors.Join(err, l.Undo())
	}
	return l, nil
}

// run follows the order on the wire: settings before the link comes up, the
// address after.
func (l *Attached) run(ctx context.Context, h trunk.Handle) error {
	in, err := l.dev.ns.Handle()
	if err != nil {
		return err
	}
	if l.parent, err = watchParent(l.dev.lower.Parent); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return l.dev.make(ctx, h, in) },
		l.dev.settings,
		l.listenForRouters,
		func() error { return l.dev.up(ctx, in) },
		ctx.Err,
		func() error { return l.probe(ctx, h) },
		func() error { return l.addresses(in) },
		func() error { return l.dev.defaultRoute(in, l.dev.ep.Gateway, l.dev.ep.Default) },
		func() error { return l.dev.defaultRoute(in, l.dev.ep.Gateway6, l.dev.ep.Default6) },
		func() error { l.at = l.attachment(); return nil },
		func() error { return l.lease(ctx) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("attach %s to %s: %w", l.dev.ep.IfName, l.dev.ep.Segment, err)
		}
	}
	return nil
}

func (l *Attached) addresses(in *netlink.Handle) error {
	for _, p := range l.dev.ep.Addrs {
		if err := in.AddrAdd(l.dev.link, l.staticAddr(p)); err != nil {
			return fmt.Errorf("add address %s: %w", p, err)
		}
	}
	return nil
}

func (l *Attached) attachment() network.Attachment {
	parent, below, own, ep := l.dev.lower.Parent.Attrs(), l.dev.lower.Link.Attrs(), l.dev.link.Attrs(), l.dev.ep
	at := network.Attachment{
		Network: ep.Network, Segment: ep.Segment,
		IfName: own.Name, IfIndex: own.Index, MAC: own.HardwareAddr.String(), MTU: own.MTU,
		Addrs: ep.Addrs, Gateway: ep.Gateway, Gateway6: ep.Gateway6,
		Link: below.Name, LinkIndex: below.Index, ParentIndex: parent.Index,
		Driver: l.dev.lower.Driver, Carrier: trunk.HasCarrier(l.dev.lower.Parent),
	}
	at.Warnings = l.warnings
	if !at.Carrier {
		at.Warnings = append(at.Warnings, fmt.Sprintf("parent %s has no carrier: nothing gets through until its cable or switch port is up", parent.Name))
	}
	return at
}
