package trunk

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/rtnl"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

// ResolveSegment works out what a parent, as typed, and a VLAN mean together.
// Without a parent it is the interface of the default route. Without a
// VLAN the parent may be a VLAN itself: an existing VLAN link stands for its
// parent and VLAN, whatever it is called; any other interface for its own
// untagged segment; and a name that no interface has, such as enp0s9.10, for
// VLAN 10 of enp0s9.
func ResolveSegment(parent string, vlan network.Tags) (network.Segment, error) {
	h, err := Open()
	if err != nil {
		return network.Segment{}, err
	}
	defer h.Close()
	return h.Segment(parent, vlan)
}

// Segment is ResolveSegment.
func (h Handle) Segment(parent string, vlan network.Tags) (network.Segment, error) {
	outer, vid := vlan.Outer, vlan.VID
	var err error
	if parent == "" {
		if parent, err = h.defaultParent(); err != nil {
			return network.Segment{}, err
		}
		// A host that is on a VLAN itself: the others are on the same trunk.
		if seg, err := h.resolve(parent); err == nil && vid != 0 {
			parent = seg.Parent
		}
	}
	if vid == 0 {
		return h.resolve(parent)
	}
	link, err := h.Parent(parent)
	if err != nil {
		return network.Segment{}, err
	}
	if outer != 0 {
		return network.Segment{Parent: link.Attrs().Name, VID: vid, Outer: outer}, nil
	}
	return h.on(link, vid)
}

// on is the segment of a VLAN on an interface. One on a service VLAN is inside
// it: the same segment, whether the service VLAN has a link already or not.
func (h Handle) on(link netlink.Link, vid uint16) (network.Segment, error) {
	service, ok := link.(*netlink.Vlan)
	if !ok || service.VlanProtocol != netlink.VLAN_PROTOCOL_8021AD || service.NetNsID >= 0 {
		return network.Segment{Parent: link.Attrs().Name, VID: vid}, nil
	}
	parent, err := h.LinkByIndex(service.ParentIndex)
	if err != nil {
		return network.Segment{}, fmt.Errorf("parent of service VLAN %d: %w", service.VlanId, err)
	}
	return network.Segment{Parent: parent.Attrs().Name, VID: vid, Outer: uint16(service.VlanId)}, nil
}

func (h Handle) resolve(name string) (network.Segment, error) {
	link, err := h.Find(name)
	if err != nil {
		return network.Segment{}, fmt.Errorf("parent %s: %w", name, err)
	}
	if link != nil {
		return h.segmentOf(link)
	}
	base, tail, found := cutLast(name, ".")
	if !found {
		_, err := h.Parent(name)
		return network.Segment{}, err
	}
	vid, err := network.ParseVID(tail)
	if err != nil {
		return network.Segment{}, fmt.Errorf("parent %s: this host has no such interface, and as a VLAN of %s: %w", name, base, err)
	}
	parent, err := h.Parent(base)
	if err != nil {
		return h.resolveInside(base, vid, err)
	}
	return h.on(parent, vid)
}

// resolveInside reads enp0s9.100.10, of which enp0s9.100 is no interface, as
// the err of looking it up says.
func (h Handle) resolveInside(name string, vid uint16, err error) (network.Segment, error) {
	base, tail, _ := cutLast(name, ".")
	outer, bad := network.ParseVID(tail)
	if bad != nil {
		return network.Segment{}, err
	}
	parent, second := h.Parent(base)
	if second != nil {
		return network.Segment{}, err
	}
	return network.Segment{Parent: parent.Attrs().Name, VID: vid, Outer: outer}, nil
}

func (h Handle) segmentOf(link netlink.Link) (network.Segment, error) {
	if vlan, ok := link.(*netlink.Vlan); ok && vlan.VlanProtocol == netlink.VLAN_PROTOCOL_8021Q && vlan.NetNsID < 0 {
		return h.under(vlan.ParentIndex, uint16(vlan.VlanId))
	}
	if _, ok := link.(*netlink.Ifb); ok {
		parent, vid, err := vlanbpf.Carries(h.Handle, link)
		if err != nil {
			return network.Segment{}, err
		}
		if vid != 0 {
			return h.under(parent, vid)
		}
	}
	link, err := h.Parent(link.Attrs().Name)
	if err != nil {
		return network.Segment{}, err
	}
	return network.Segment{Parent: link.Attrs().Name}, nil
}

func (h Handle) under(parentIndex int, vid uint16) (network.Segment, error) {
	parent, err := h.LinkByIndex(parentIndex)
	if err != nil {
		return network.Segment{}, fmt.Errorf("parent of VLAN %d: %w", vid, err)
	}
	if _, err := h.Parent(parent.Attrs().Name); err != nil {
		return network.Segment{}, err
	}
	return h.on(parent, vid)
}

// defaultParent is the interface of the default route.
func (h Handle) defaultParent() (string, error) {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := rtnl.Dump(func() ([]netlink.Route, error) {
			return h.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return "", fmt.Errorf("read routes: %w", err)
		}
		best, metric := 0, math.MaxInt
		for _, r := range routes {
			if IsDefaultRoute(r) && r.LinkIndex > 0 && r.Priority < metric {
				best, metric = r.LinkIndex, r.Priority
			}
		}
		if link, err := h.ByIndex(best); best > 0 && err == nil && link != nil {
			return link.Attrs().Name, nil
		}
	}
	return "", errors.New("no --parent given and this host has no default route: name the trunk interface with --parent")
}

func IsDefaultRoute(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0 && r.Dst.IP.IsUnspecified()
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i > 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
