package trunk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network"
)

// NoQinQError says that the eBPF driver can't have the segment.
func NoQinQError(seg network.Segment) error {
	return fmt.Errorf("VLAN %s: a VLAN inside another (QinQ) needs the kernel's 8021q: the driver ebpf knows one tag", seg.Tags())
}

// serviceVLAN is what the VLAN of a segment sits on: the parent, or, for one
// inside a service VLAN, that one's link. The container is written down as a
// user of it, too.
func (l *Locked) serviceVLAN(parent netlink.Link, containerID string, ep network.Endpoint) (netlink.Link, error) {
	if ep.Outer == 0 {
		return parent, nil
	}
	if ep.VLANDriver == network.DriverEBPF {
		return nil, NoQinQError(ep.Segment)
	}
	key := Key{Parent: parent.Attrs().Index, VID: ep.Outer, Service: true}
	user := User{Key: key, Container: containerID, Mode: ep.Mode, IfName: ep.IfName}
	if err := l.Ledger.PutUser(user, UserRecord{}); err != nil {
		return nil, err
	}
	link, err := l.Handle.serviceLink(l.Ledger, parent, ep, key)
	if err != nil {
		return nil, fmt.Errorf("service VLAN %d on %s: %w", ep.Outer, ep.Parent, err)
	}
	return link, nil
}

// innerFirst orders links as they are to be removed: the kernel takes what is
// inside a service VLAN along with that.
func innerFirst(keys []Key) []Key {
	return slices.SortedStableFunc(slices.Values(keys), func(a, b Key) int {
		return strings.Compare(strconv.FormatBool(a.Service), strconv.FormatBool(b.Service))
	})
}

func (h Handle) serviceLink(l Ledger, parent netlink.Link, ep network.Endpoint, key Key) (netlink.Link, error) {
	parent, err := h.Up(parent)
	if err != nil {
		return nil, err
	}
	rec, err := h.ensureVLAN(l, parent, ep, key)
	if err != nil {
		return nil, err
	}
	link, err := h.LinkByIndex(rec.Index)
	if err != nil {
		return nil, err
	}
	return h.Up(link)
}
