package trunk

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

// makeVLAN makes the link by the driver asked for; auto is the kernel's own
// wherever it has one.
func (h Handle) makeVLAN(l Ledger, parent netlink.Link, ep network.Endpoint, key Key) (linkRecord, error) {
	if ep.VLANDriver == network.DriverEBPF {
		return h.makeBy(network.DriverEBPF, l, parent, ep, key)
	}
	rec, err := h.makeBy(network.DriverKernel, l, parent, ep, key)
	if ep.Outer != 0 && errors.Is(err, unix.EOPNOTSUPP) {
		return rec, fmt.Errorf("a VLAN inside another (QinQ) is the kernel's work alone, and this kernel has no 8021q (CONFIG_VLAN_8021Q), or the parent can't carry VLANs: %w", unix.EOPNOTSUPP)
	}
	if ep.VLANDriver == network.DriverKernel || !errors.Is(err, unix.EOPNOTSUPP) {
		return rec, err
	}
	rec, second := h.makeBy(network.DriverEBPF, l, parent, ep, key)
	if second != nil {
		return rec, fmt.Errorf("%w; %w", err, second)
	}
	return rec, nil
}

// makeBy records the link, makes it, and records its index.
func (h Handle) makeBy(driver network.VLANDriver, l Ledger, parent netlink.Link, ep network.Endpoint, key Key) (linkRecord, error) {
	seg := ep.Segment
	if key.Service {
		seg = seg.Service()
	}
	rec := linkRecord{Segment: seg, Driver: driver, Made: true}
	var err error
	if rec.Name, err = h.freeName(seg); err != nil {
		return rec, err
	}
	if err := l.setLink(key, rec); err != nil {
		return rec, err
	}
	if driver == network.DriverKernel {
		err = h.makeKernel(key, rec)
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
func (h Handle) freeName(seg network.Segment) (string, error) {
	for n := range 100 {
		name := linkName(seg, n)
		if link, err := h.Find(name); link == nil {
			return name, err
		}
	}
	return "", fmt.Errorf("no free interface name for %s", seg)
}

func (h Handle) makeKernel(key Key, rec linkRecord) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = rec.Name, key.Parent
	err := h.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: int(key.VID), VlanProtocol: key.protocol()})
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("driver kernel: this kernel has no 8021q, or the parent can't carry VLANs: %w", err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("make %s: the VLAN is on the parent already, in another network namespace: %w", rec.Name, err)
	case err != nil:
		return fmt.Errorf("make %s: %w", rec.Name, err)
	}
	return isolateHost(rec.Name)
}

// makeEBPF makes an ifb in place of the sub-interface and joins it to the
// parent's VLAN.
func (h Handle) makeEBPF(l Ledger, parent netlink.Link, rec linkRecord) error {
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
	if err := isolateHost(rec.Name); err != nil {
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
func (h Handle) mendEBPF(l Ledger, parent netlink.Link, rec linkRecord) (*found, error) {
	if !rec.Made || rec.Index == 0 {
		return nil, nil
	}
	key := Key{Parent: parent.Attrs().Index, VID: rec.VID}
	ifb, err := h.ByIndex(rec.Index)
	if err != nil || ifb == nil || !h.isOurs(ifb, key, rec) {
		return nil, err
	}
	if err := h.prepareParent(l, parent); err != nil {
		return nil, err
	}
	return &found{rec.Index, rec.Name, network.DriverEBPF}, vlanbpf.Add(h.Handle, parent, ifb, rec.VID)
}

// prepareParent changes what the eBPF driver needs on the parent, once, and
// records it before.
func (h Handle) prepareParent(l Ledger, parent netlink.Link) error {
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
