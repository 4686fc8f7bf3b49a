package vlanbpf

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/rtnl"
)

var nativeLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

const rxVLANFilter = "rx-vlan-filter"

// Changes are what a parent needs for its first VLAN, and gives back after its
// last one.
type Changes struct {
	Qdisc      bool `json:"qdisc,omitempty"`       // clsact added
	Promisc    bool `json:"promisc,omitempty"`     // the NIC filters by MAC address: it knows none of the containers'
	VLANFilter bool `json:"vlan_filter,omitempty"` // the NIC filters by VLAN, and only 8021q tells it which: turned off
}

// Needs looks at what must be changed on the parent. What the admin has set
// already is not ours to change, nor to take back.
func Needs(h *netlink.Handle, parent netlink.Link) (Changes, error) {
	has, err := hasQdisc(h, parent)
	if err != nil {
		return Changes{}, err
	}
	return Changes{
		Qdisc:      !has,
		Promisc:    parent.Attrs().RawFlags&unix.IFF_PROMISC == 0,
		VLANFilter: filtersVLANs(parent),
	}, nil
}

// Apply makes the changes. Idempotent.
func (c Changes) Apply(h *netlink.Handle, parent netlink.Link) error {
	name := parent.Attrs().Name
	if c.Qdisc {
		if err := addQdisc(h, parent.Attrs().Index); err != nil {
			return fmt.Errorf("add clsact to %s: %w", name, err)
		}
	}
	if c.Promisc {
		if err := h.SetPromiscOn(parent); err != nil {
			return fmt.Errorf("set %s promiscuous: %w", name, err)
		}
	}
	if c.VLANFilter {
		if err := setVLANFilter(name, false); err != nil {
			return fmt.Errorf("turn off %s of %s: %w", rxVLANFilter, name, err)
		}
	}
	return nil
}

// Undo takes the changes back. A clsact in which somebody else has put filters
// since stays. Idempotent; it goes on after an error.
func (c Changes) Undo(h *netlink.Handle, parent netlink.Link) error {
	var errs []error
	if c.VLANFilter {
		errs = append(errs, setVLANFilter(parent.Attrs().Name, true))
	}
	if c.Promisc {
		errs = append(errs, h.SetPromiscOff(parent))
	}
	if c.Qdisc {
		errs = append(errs, removeQdisc(h, parent))
	}
	return errors.Join(errs...)
}

func addQdisc(h *netlink.Handle, index int) error {
	err := h.QdiscAdd(clsact(index))
	switch {
	case errors.Is(err, unix.EEXIST):
		return nil
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("driver ebpf: this kernel has no clsact (CONFIG_NET_SCH_INGRESS): %w", err)
	}
	return err
}

func clsact(index int) netlink.Qdisc {
	return &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: index, Parent: netlink.HANDLE_CLSACT, Handle: netlink.MakeHandle(0xffff, 0),
	}}
}

func removeQdisc(h *netlink.Handle, parent netlink.Link) error {
	if has, err := hasQdisc(h, parent); !has || err != nil {
		return err
	}
	for _, where := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
		filters, err := h.FilterList(parent, where)
		if err != nil || len(filters) > 0 {
			return err
		}
	}
	if err := h.QdiscDel(clsact(parent.Attrs().Index)); err != nil {
		return fmt.Errorf("delete clsact of %s: %w", parent.Attrs().Name, err)
	}
	return nil
}

// hasQdisc tells whether filters can be attached: clsact and the older ingress
// share one place, and both take ours.
func hasQdisc(h *netlink.Handle, link netlink.Link) (bool, error) {
	qdiscs, err := rtnl.Dump(func() ([]netlink.Qdisc, error) { return h.QdiscList(link) })
	if err != nil {
		return false, fmt.Errorf("list qdiscs of %s: %w", link.Attrs().Name, err)
	}
	for _, q := range qdiscs {
		if q.Attrs().Parent == netlink.HANDLE_INGRESS {
			return true, nil
		}
	}
	return false, nil
}

// filtersVLANs tells whether the NIC drops VLANs that it was not told of, and
// can be asked not to. Links that are software alone have no such filter, and
// asking takes a millisecond.
func filtersVLANs(parent netlink.Link) bool {
	if kind := parent.Type(); kind != "device" && kind != "bond" && kind != "team" {
		return false
	}
	tool, err := ethtool.NewEthtool()
	if err != nil {
		return false
	}
	defer tool.Close()
	features, err := tool.FeaturesWithState(parent.Attrs().Name)
	if err != nil {
		return false
	}
	f, known := features[rxVLANFilter]
	return known && f.Active && f.Available && !f.NeverChanged
}

func setVLANFilter(name string, on bool) error {
	tool, err := ethtool.NewEthtool()
	if err != nil {
		return err
	}
	defer tool.Close()
	return tool.Change(name, map[string]bool{rxVLANFilter: on})
}
