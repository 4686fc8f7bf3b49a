package network

import (
	"errors"
	"fmt"
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
func (h host) ensureVLAN(l ledger, parent netlink.Link, ep Endpoint) (linkRecord, error) {
	key := linkKey{parent.Attrs().Index, ep.VID}
	rec, recorded := l.link(key)
	link, err := h.findVLAN(parent, ep.VID, rec)
	if err != nil {
		return linkRecord{}, err
	}
	if link == nil && recorded && rec.Driver == driverEBPF {
		link, err = h.mendEBPF(l, parent, rec)
		if err != nil {
			return linkRecord{}, err
		}
	}
	if link == nil {
		return h.makeVLAN(l, parent, ep)
	}
	if recorded && rec.Index == link.index {
		return rec, nil
	}
	// Made by somebody else, or by a run of ours that was killed right then.
	ours := recorded && rec.Made && rec.Index == 0 && rec.Name == link.name && rec.Driver == link.driver
	rec = linkRecord{Segment: ep.Segment, Name: link.name, Index: link.index, Driver: link.driver, Made: ours}
	return rec, l.setLink(key, rec)
}

// findVLAN looks for the link of the VLAN by what it is, not by its name.
// Where the record leads to it, that costs no search.
func (h host) findVLAN(parent netlink.Link, vid uint16, rec linkRecord) (*found, error) {
	if rec.Driver == driverKernel && rec.Index != 0 {
		link, err := h.byIndex(rec.Index)
		if err != nil {
			return nil, err
		}
		if isVLAN(link, parent.Attrs().Index, vid) {
			return &found{rec.Index, link.Attrs().Name, driverKernel}, nil
		}
	}
	index, err := vlanbpf.Find(h.Handle, parent, vid)
	if err != nil {
		return nil, err
	}
	if index != 0 && rec.Driver == driverEBPF && rec.Index == index {
		return &found{index, rec.Name, driverEBPF}, nil
	}
	return h.searchVLAN(parent, vid, index)
}

func (h host) searchVLAN(parent netlink.Link, vid uint16, ifb int) (*found, error) {
	links, err := h.links()
	if err != nil {
		return nil, err
	}
	var byFilter *found
	for _, link := range links {
		switch {
		case isVLAN(link, parent.Attrs().Index, vid):
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

func isVLAN(link netlink.Link, parent int, vid uint16) bool {
	vlan, ok := link.(*netlink.Vlan)
	return ok && vlan.ParentIndex == parent && vlan.NetNsID < 0 && vlan.VlanId == int(vid) &&
		vlan.VlanProtocol == netlink.VLAN_PROTOCOL_8021Q
}

// makeVLAN makes the link by the driver asked for; auto is the kernel's own
// wherever it has one.
func (h host) makeVLAN(l ledger, parent netlink.Link, ep Endpoint) (linkRecord, error) {
	var errs []error
	if ep.VLANDriver != driverEBPF {
		rec, err := h.makeBy(driverKernel, l, parent, ep)
		if err == nil || ep.VLANDriver == driverKernel || !errors.Is(err, unix.EOPNOTSUPP) {
			return rec, err
		}
		errs = append(errs, err)
	}
	rec, err := h.makeBy(driverEBPF, l, parent, ep)
	if err != nil {
		return rec, errors.Join(append(errs, err)...)
	}
	return rec, nil
}

// makeBy records the link, makes it, and records its index.
func (h host) makeBy(driver string, l ledger, parent netlink.Link, ep Endpoint) (linkRecord, error) {
	key := linkKey{parent.Attrs().Index, ep.VID}
	rec := linkRecord{Segment: ep.Segment, Driver: driver, Made: true}
	var err error
	if rec.Name, err = h.freeName(ep.Segment); err != nil {
		return rec, err
	}
	if err := l.setLink(key, rec); err != nil {
		return rec, err
	}
	if driver == driverKernel {
		err = h.makeKernel(parent, rec)
	} else {
		err = h.makeEBPF(l, parent, rec)
	}
	if err != nil {
		return rec, errors.Join(err, h.dropVLAN(l, key))
	}
	link, err := h.LinkByName(rec.Name)
	if err != nil {
		return rec, errors.Join(err, h.dropVLAN(l, key))
	}
	rec.Index = link.Attrs().Index
	if err := l.setLink(key, rec); err != nil {
		return rec, errors.Join(err, h.dropVLAN(l, key))
	}
	return rec, nil
}

// freeName is the first choice of a name that no link has.
func (h host) freeName(seg Segment) (string, error) {
	for n := range 100 {
		name := linkName(seg, n)
		if link, err := h.find(name); link == nil {
			return name, err
		}
	}
	return "", fmt.Errorf("no free interface name for %s", seg)
}

func (h host) makeKernel(parent netlink.Link, rec linkRecord) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = rec.Name, parent.Attrs().Index
	err := h.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: int(rec.VID), VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("driver kernel: this kernel has no 8021q, or the parent can't carry VLANs: %w", err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("make %s: the VLAN is on the parent already, in another network namespace: %w", rec.Name, err)
	case err != nil:
		return fmt.Errorf("make %s: %w", rec.Name, err)
	}
	return hermit(rec.Name)
}

// makeEBPF makes an ifb in place of the sub-interface and joins it to the
// parent's VLAN.
func (h host) makeEBPF(l ledger, parent netlink.Link, rec linkRecord) error {
	if err := h.prepareParent(l, parent); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = rec.Name, parent.Attrs().MTU, parent.Attrs().HardwareAddr
	if err := h.LinkAdd(&netlink.Ifb{LinkAttrs: attrs}); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) {
			err = fmt.Errorf("driver ebpf: this kernel has no ifb: %w", err)
		}
		return fmt.Errorf("make %s: %w", rec.Name, err)
	}
	if err := hermit(rec.Name); err != nil {
		return err
	}
	ifb, err := h.LinkByName(rec.Name)
	if err != nil {
		return fmt.Errorf("look up %s: %w", rec.Name, err)
	}
	return vlanbpf.Add(h.Handle, parent, ifb, rec.VID)
}

// mendEBPF joins an ifb and its VLAN again after somebody took the parent's
// clsact away: containers are on that ifb, a new one would not help them.
func (h host) mendEBPF(l ledger, parent netlink.Link, rec linkRecord) (*found, error) {
	if !rec.Made || rec.Index == 0 {
		return nil, nil
	}
	key := linkKey{parent.Attrs().Index, rec.VID}
	ifb, err := h.byIndex(rec.Index)
	if err != nil || ifb == nil || !h.isOurs(ifb, key, rec) {
		return nil, err
	}
	if err := h.prepareParent(l, parent); err != nil {
		return nil, err
	}
	return &found{rec.Index, rec.Name, driverEBPF}, vlanbpf.Add(h.Handle, parent, ifb, rec.VID)
}

// prepareParent changes what the eBPF driver needs on the parent, once, and
// records it before.
func (h host) prepareParent(l ledger, parent netlink.Link) error {
	index := parent.Attrs().Index
	needs, err := vlanbpf.Needs(h.Handle, parent)
	if err != nil || needs == (vlanbpf.Changes{}) {
		return err
	}
	before, _ := l.parent(index)
	all := vlanbpf.Changes{
		Qdisc:      needs.Qdisc || before.Qdisc,
		Promisc:    needs.Promisc || before.Promisc,
		VLANFilter: needs.VLANFilter || before.VLANFilter,
	}
	if err := l.setParent(index, all); err != nil {
		return err
	}
	return needs.Apply(h.Handle, parent)
}

func (h host) restoreParent(l ledger, index int) error {
	changes, recorded := l.parent(index)
	parent, err := h.byIndex(index)
	if err != nil {
		return err
	}
	if recorded && parent != nil {
		// Another root's VLANs need the changes as ours did: a later command
		// takes them back.
		if busy, err := vlanbpf.Busy(h.Handle, parent); busy || err != nil {
			return err
		}
		if err := changes.Undo(h.Handle, parent); err != nil {
			return fmt.Errorf("restore parent %s: %w", parent.Attrs().Name, err)
		}
	}
	return l.dropParent(index)
}

// dropVLAN removes a link that mvrun made, then its record. What the record
// leads to must still be that link; a link of somebody else stays. Idempotent.
func (h host) dropVLAN(l ledger, key linkKey) error {
	rec, recorded := l.link(key)
	if !recorded || !rec.Made {
		return l.dropLink(key)
	}
	parent, err := h.byIndex(key.parent)
	if err != nil {
		return err
	}
	if rec.Driver == driverEBPF && parent != nil {
		if err := h.dropFilter(parent, rec); err != nil {
			return err
		}
	}
	link, err := h.made(rec)
	if err != nil {
		return err
	}
	if link != nil && h.isOurs(link, key, rec) {
		if err := h.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("delete %s: %w", link.Attrs().Name, err)
		}
	}
	return l.dropLink(key)
}

// dropFilter takes our filter off the parent, unless by now it leads to an ifb
// that is not the record's.
func (h host) dropFilter(parent netlink.Link, rec linkRecord) error {
	index, err := vlanbpf.Find(h.Handle, parent, rec.VID)
	if err != nil || rec.Index != 0 && index != 0 && index != rec.Index {
		return err
	}
	return vlanbpf.Remove(h.Handle, parent, rec.VID)
}

func (h host) made(rec linkRecord) (netlink.Link, error) {
	if rec.Index != 0 {
		return h.byIndex(rec.Index)
	}
	return h.find(rec.Name)
}

func (h host) isOurs(link netlink.Link, key linkKey, rec linkRecord) bool {
	if rec.Driver == driverKernel {
		return isVLAN(link, key.parent, key.vid)
	}
	if link.Type() != "ifb" {
		return false
	}
	parent, vid, err := vlanbpf.Carries(h.Handle, link)
	return err == nil && (vid == 0 || vid == key.vid && parent == key.parent)
}

func carrier(link netlink.Link) bool {
	return link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0 && link.Attrs().Flags&net.FlagUp != 0
}
