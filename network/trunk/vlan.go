package trunk

import (
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

// found is a VLAN link that is in the kernel.
type found struct {
	index  int
	name   string
	driver network.VLANDriver
}

// ensureVLAN returns the record of the VLAN's link, which is there.
func (h Handle) ensureVLAN(l Ledger, parent netlink.Link, ep network.Endpoint, key Key) (linkRecord, error) {
	rec, recorded := l.link(key)
	link, err := h.findVLAN(parent, key, rec)
	if err != nil {
		return linkRecord{}, err
	}
	if link == nil && recorded && rec.Driver == network.DriverEBPF {
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
	if ours && rec.Driver == network.DriverKernel {
		if err := isolateHost(rec.Name); err != nil {
			return linkRecord{}, err
		}
	}
	rec = linkRecord{Segment: ep.Segment, Name: link.name, Index: link.index, Driver: link.driver, Made: ours}
	return rec, l.setLink(key, rec)
}

// findVLAN looks for the link of the VLAN by what it is, not by its name.
// Where the record leads to it, that costs no search.
func (h Handle) findVLAN(parent netlink.Link, key Key, rec linkRecord) (*found, error) {
	if rec.Driver == network.DriverKernel && rec.Index != 0 {
		link, err := h.ByIndex(rec.Index)
		if err != nil {
			return nil, err
		}
		if isVLAN(link, key) {
			return &found{rec.Index, link.Attrs().Name, network.DriverKernel}, nil
		}
	}
	if key.Service {
		return h.searchVLAN(key, 0)
	}
	index, err := vlanbpf.Find(h.Handle, parent, key.VID)
	if err != nil {
		return nil, err
	}
	if index != 0 && rec.Driver == network.DriverEBPF && rec.Index == index {
		return &found{index, rec.Name, network.DriverEBPF}, nil
	}
	return h.searchVLAN(key, index)
}

func (h Handle) searchVLAN(key Key, ifb int) (*found, error) {
	links, err := h.Links()
	if err != nil {
		return nil, err
	}
	var byFilter *found
	for _, link := range links {
		switch {
		case isVLAN(link, key):
			return &found{link.Attrs().Index, link.Attrs().Name, network.DriverKernel}, nil
		case ifb != 0 && link.Attrs().Index == ifb:
			byFilter = &found{ifb, link.Attrs().Name, network.DriverEBPF}
		}
	}
	return byFilter, nil
}

func isVLAN(link netlink.Link, key Key) bool {
	vlan, ok := link.(*netlink.Vlan)
	return ok && vlan.ParentIndex == key.Parent && vlan.NetNsID < 0 && vlan.VlanId == int(key.VID) &&
		vlan.VlanProtocol == key.protocol()
}

func (k Key) protocol() netlink.VlanProtocol {
	if k.Service {
		return netlink.VLAN_PROTOCOL_8021AD
	}
	return netlink.VLAN_PROTOCOL_8021Q
}

// HasCarrier tells whether a link is up and its cable is in, as far as the
// kernel knows.
func HasCarrier(link netlink.Link) bool {
	return link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0 && link.Attrs().Flags&net.FlagUp != 0
}
