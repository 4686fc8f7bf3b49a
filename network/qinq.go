package network

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

func errNoQinQ(seg Segment) error {
	return fmt.Errorf("VLAN %s: a VLAN inside another (QinQ) needs the kernel's 8021q: the driver ebpf knows one tag", seg.Tags())
}

// serviceVLAN is what the VLAN of a segment sits on: the parent, or, for one
// inside a service VLAN, that one's link. The container is written down as a
// user of it, too. It is done under the ledger's lock.
func (s *Store) serviceVLAN(h host, l ledger, parent netlink.Link, containerID string, ep Endpoint) (netlink.Link, error) {
	if ep.Outer == 0 {
		return parent, nil
	}
	if ep.VLANDriver == driverEBPF {
		return nil, errNoQinQ(ep.Segment)
	}
	key := linkKey{parent: parent.Attrs().Index, vid: ep.Outer, service: true}
	user := linkUser{key, containerID, ep.Mode, ep.IfName}
	if err := l.putUser(user, userRecord{}); err != nil {
		return nil, err
	}
	link, err := h.serviceLink(l, parent, ep, key)
	if err != nil {
		err = fmt.Errorf("service VLAN %d on %s: %w", ep.Outer, ep.Parent, err)
		return nil, errors.Join(err, s.leaveLocked(h, l, user.sameLeg))
	}
	return link, nil
}

// sameLeg tells the uses of one leg, of which QinQ has two.
func (u linkUser) sameLeg(o linkUser) bool { return u.container == o.container && u.ifName == o.ifName }

// innerFirst orders links as they are to be removed: the kernel takes what is
// inside a service VLAN along with that.
func innerFirst(keys []linkKey) []linkKey {
	return slices.SortedStableFunc(slices.Values(keys), func(a, b linkKey) int {
		return strings.Compare(strconv.FormatBool(a.service), strconv.FormatBool(b.service))
	})
}

func (h host) serviceLink(l ledger, parent netlink.Link, ep Endpoint, key linkKey) (netlink.Link, error) {
	parent, err := h.up(parent)
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
	return h.up(link)
}
