package network

import (
	"context"
	"errors"
	"net"

	"github.com/mvrun/mvrun/network/dhcp"
)

// GiveBack tells the DHCP server that the endpoint's lease is not needed any
// more (RFC 2131 4.4.6). The container's namespace is gone by then: a macvlan
// with its MAC address does it from a namespace of its own. There is no answer
// to wait for. The caller holds the container's lock.
func (s *Store) GiveBack(ctx context.Context, owner Owner, ep Endpoint, lease Lease) (err error) {
	ns, err := NewNamespace()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	h, err := openHost()
	if err != nil {
		return err
	}
	defer h.Close()
	plain := ep
	plain.HostAddrs = nil // the host has nothing to say to a leg that only says goodbye
	used, err := s.use(ctx, h, owner.ID, plain)
	if err != nil {
		return err
	}
	a := &attaching{ns: ns, ep: Endpoint{Segment: ep.Segment, Mode: ep.Mode, IfName: ep.IfName, MAC: ep.MAC}, used: used}
	defer func() { err = errors.Join(err, a.remove(), s.detachLeg(owner.ID, ep.IfName)) }()
	return a.sendRelease(ctx, h, owner, ep, lease)
}

func (a *attaching) sendRelease(ctx context.Context, h host, owner Owner, ep Endpoint, lease Lease) error {
	in, err := a.ns.Handle()
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return a.make(ctx, h, in) },
		a.settings,
		func() error { return a.up(ctx, in) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	mac := net.HardwareAddr(a.link.Attrs().HardwareAddr)
	conn, err := dhcp.Listen(int(a.ns.File().Fd()), a.link.Attrs().Index, mac)
	if err != nil {
		return err
	}
	defer conn.Close()
	return dhcp.Release(conn, leaseIdentity(owner, ep, mac), lease)
}
