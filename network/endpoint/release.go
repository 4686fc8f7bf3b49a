package endpoint

import (
	"context"
	"errors"
	"net"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/network/trunk"
)

// ReleaseLease tells the DHCP server that the endpoint's lease is not needed any
// more (RFC 2131 4.4.6). The container's namespace is gone by then: an interface
// with its MAC address does it from a namespace of its own. There is no answer to
// wait for. The caller holds the container's lock.
func (m *Manager) ReleaseLease(ctx context.Context, owner network.Owner, ep network.Endpoint, lease dhcp.Lease) (err error) {
	ns, err := trunk.NewNamespace()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	h, err := trunk.Open()
	if err != nil {
		return err
	}
	defer h.Close()
	plain := ep
	plain.HostAddrs = nil // nothing passes between the host and an endpoint that only says goodbye
	lower, err := m.use(ctx, owner.ID, plain)
	if err != nil {
		return err
	}
	d := &device{ns: ns, ep: network.Endpoint{Segment: ep.Segment, Mode: ep.Mode, IfName: ep.IfName, MAC: ep.MAC}, lower: lower}
	defer func() { err = errors.Join(err, d.remove(), m.detachOne(owner.ID, ep.IfName)) }()
	in, err := ns.Handle()
	if err != nil {
		return err
	}
	if err := d.begin(ctx, h, in); err != nil {
		return err
	}
	mac := net.HardwareAddr(d.link.Attrs().HardwareAddr)
	conn, err := dhcp.Listen(int(ns.File().Fd()), d.link.Attrs().Index, mac)
	if err != nil {
		return err
	}
	defer conn.Close()
	return dhcp.Release(conn, leaseIdentity(owner, ep, mac), lease)
}
