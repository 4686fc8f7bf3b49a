package network

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network/acd"
)

// probeSeat asks the segment whether the host's addresses on it are free, as a
// container's are asked for. announce, for when the link has them, tells the
// neighbours, in the background. Without carrier nobody is asked, of which the
// leg itself warns.
func (s *Store) probeSeat(ctx context.Context, link netlink.Link, used usedLink, rec hostLink, ep Endpoint) (announce func(), err error) {
	var watches []*watch
	defer func() {
		if err != nil {
			for _, w := range watches {
				w.close()
			}
		}
	}()
	index := link.Attrs().Index
	if rec.Mode == l2 {
		index = used.link.Attrs().Index // as for a leg, see Leg.watch
	}
	for _, a := range rec.Addrs {
		w := &watch{claim: acd.Claim{Addr: a, MAC: link.Attrs().HardwareAddr}}
		if w.conn, err = acd.Listen(0, index, w.claim); err != nil {
			return nil, err
		}
		watches = append(watches, w)
		if ep.Probe == 0 || !carrier(used.parent) {
			continue
		}
		r, err := askPatiently(ctx, w, ep.Probe)
		if err != nil {
			return nil, err
		}
		if r.State == acd.Taken {
			return nil, s.seatTaken(a, r.MAC.String(), ep)
		}
	}
	return func() {
		for _, w := range watches {
			go func() {
				_ = acd.Announce(context.Background(), w.conn, w.claim) // the link may go first
				w.close()
			}()
		}
	}, nil
}

func (s *Store) seatTaken(addr netip.Addr, mac string, ep Endpoint) error {
	return fmt.Errorf("this host's address %s %w on %s: %s has it: look for that machine, or make the network anew with another one (-o host_access=ADDRESS); --conflict-probe off starts all the same",
		addr, ErrTaken, ep.Segment, holder(mac, s.whoHas(ep.Segment, mac, "")))
}
