package hostaccess

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
	"github.com/mvrun/mvrun/network/trunk"
)

// question is the socket of one of the host's addresses on the wire.
type question struct {
	conn  *acd.Socket
	claim acd.Claim
}

// probe asks the segment whether the host's addresses on it are free, as a
// container's are asked for. announce, for when the link has them, tells the
// neighbours, in the background. Without carrier nobody is asked, of which the
// endpoint itself warns.
func (a Host) probe(ctx context.Context, link netlink.Link, lower trunk.Lower, rec record, ep network.Endpoint) (announce func(), err error) {
	var open []question
	defer func() {
		if err != nil {
			for _, q := range open {
				go q.conn.Close() // the kernel takes 10 ms for it, and nobody waits
			}
		}
	}()
	index := link.Attrs().Index
	if trunk.DriverOf(rec.Mode).AsksFromBelow() {
		index = lower.Link.Attrs().Index
	}
	for _, addr := range rec.Addrs {
		q := question{claim: acd.Claim{Addr: addr, MAC: link.Attrs().HardwareAddr}}
		if q.conn, err = acd.Listen(0, index, q.claim); err != nil {
			return nil, err
		}
		open = append(open, q)
		if err = a.mustBeFree(ctx, q, lower, ep); err != nil {
			return nil, err
		}
	}
	return func() {
		for _, q := range open {
			go func() {
				_ = acd.Announce(context.Background(), q.conn, q.claim) // the link may go first
				q.conn.Close()
			}()
		}
	}, nil
}

func (a Host) mustBeFree(ctx context.Context, q question, lower trunk.Lower, ep network.Endpoint) error {
	if ep.Probe == 0 || !trunk.HasCarrier(lower.Parent) {
		return nil
	}
	r, err := acd.ProbePatiently(ctx, q.conn, q.claim, ep.Probe, time.Time{})
	if err != nil || r.State != acd.Taken {
		return err
	}
	return a.taken(q.claim.Addr, r.MAC.String(), ep)
}

func (a Host) taken(addr netip.Addr, mac string, ep network.Endpoint) error {
	return &network.AddressTaken{By: network.HostByNeighbour, Err: fmt.Errorf("this host's address %s %w on %s: %s has it",
		addr, network.ErrTaken, ep.Segment, network.Holder(mac, a.Store.ContainerWith(ep.Segment, mac, "")))}
}
