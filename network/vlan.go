package network

import (
	"errors"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/vlanbpf"
)

// found is a VLAN link that is in the kernel.
type found struct {
	index  int
	name   string
	driver string
}

// ensureVLAN returns the record of the VLAN's link, which is there.
func (h host) ensureVLAN(l ledger, parent netlink.Link, ep Endpoint, key linkKey) (linkRecord, error) {
	rec, recorded := l.link(key)
	link, err := h.findVLAN(parent, key, rec)
	if err != nil {
		return linkRecord{}, err
	}
	if link == nil && recorded && rec.Driver == driverEBPF {
		link, err = h.mendEBPF(l, parent, rec)
		if err != nil {
			return linkRecord{}, err
		}
	}
	half := recorded && rec.Made && rec.Index == 0 // whoever made it was killed at that
	if link == nil && half {
		err = h.dropVLAN(l, key)
	}
	if err != nil {
		return linkRecord{}, err
	}
	if link == nil {
		return h.makeVLAN(l, parent, ep, key)
	}
	if recorded && rec.Index == link.index {
		return rec, nil
	}
	ours := half && rec.Name == link.name && rec.Driver == link.driver
	if ours && rec.Driver == driverKernel {
		if err := hermit(rec.Name); err != nil {
			return linkRecord{}, err
		}
	}
	rec = linkRecord{Segment: ep.Segment, Name: link.name, Index: link.index, Driver: link.driver, Made: ours}
	return rec, l.setLink(key, rec)
}

// findVLAN looks for the link of the VLAN by what it is, not by its name.
// Where the record leads to it, that costs no search.
func (h host) findVLAN(parent netlink.Link, key linkKey, rec linkRecord) (*found, error) {
	if rec.Driver == driverKernel && rec.Index != 0 {
		link, err := h.byIndex(rec.Index)
		if err != nil {
			return nil, err
		}
		if isVLAN(link, key) {
			return &found{rec.Index, link.Attrs().Name, driverKernel}, nil
		}
	}
	if key.service {
		return h.searchVLAN(key, 0)
	}
	index, err := vlanbpf.Find(h.Handle, parent, key.vid)
	if err != nil {
		return nil, err
	}
	if index != 0 && rec.Driver == driverEBPF && rec.Index == index {
		return &found{index, rec.Name, driverEBPF}, nil
	}
	return h.searchVLAN(key, index)
}

func (h host) searchVLAN(key linkKey, ifb int) (*found, error) {
	links, err := h.links()
	if err != nil {
		return nil, err
	}
	var byFilter *found
	for _, link := range links {
		switch {
		case isVLAN(link, key):
			return &found{link.Attrs().Index, link.Attrs().Name, driverKernel}, nil
		case ifb != 0 && link.Attrs().Index == ifb:
			byFilter = &found{ifb, link.Attrs().Name, driverEBPF}
		}
	}
	return byFilter, nil
}

// links lists all links. A dump that a change of links interrupts is repeated.
func (h host) links() ([]netlink.Link, error) {
	for try := 0; ; try++ {
		links, err := h.LinkList()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || try == 10 {
			return links, err
		}
	}
}

func isVLAN(link netlink.Link, key linkKey) bool {
	vlan, ok := link.(*netlink.Vlan)
	return ok && vlan.ParentIndex == key.parent && vlan.NetNsID < 0 && vlan.VlanId == int(key.vid) &&
		vlan.VlanProtocol == key.protocol()
}

func (k linkKey) protocol() netlink.VlanProtocol {
	if k.service {
		return netlink.VLAN_PROTOCOL_8021AD
	}
	return netlink.VLAN_PROTOCOL_8021Q
}

func carrier(link netlink.Link) bool {
	return link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0 && link.Attrs().Flags&net.FlagUp != 0
}
