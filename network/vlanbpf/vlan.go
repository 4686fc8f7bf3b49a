package vlanbpf

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/rtnl"
)

// A filter's name says which VLAN it is for and where its frames go; a reader
// of `tc filter show` sees it, and Find reads it back.
const filterName = "mvrun vlan %d to %d"

// Find returns the index of the ifb that carries the VLAN of the parent, 0 if
// none does. A filter whose ifb is gone counts as none.
func Find(h *netlink.Handle, parent netlink.Link, vid uint16) (ifb int, err error) {
	f, to, err := find(h, parent, netlink.HANDLE_MIN_INGRESS, vid)
	if f == nil || err != nil {
		return 0, err
	}
	link, err := h.LinkByIndex(to)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look up ifb of VLAN %d: %w", vid, err)
	}
	if link.Type() != "ifb" {
		return 0, nil
	}
	return to, nil
}

// Carries returns the parent and the VLAN that an ifb stands for; VLAN 0 if
// it is none of ours.
func Carries(h *netlink.Handle, ifb netlink.Link) (parent int, vid uint16, err error) {
	filters, err := list(h, ifb, netlink.HANDLE_MIN_EGRESS)
	if err != nil {
		return 0, 0, err
	}
	for _, f := range filters {
		if vid, to, ours := parseName(f.Name); ours {
			return to, vid, nil
		}
	}
	return 0, 0, nil
}

// Busy tells whether any VLAN of the parent is carried.
func Busy(h *netlink.Handle, parent netlink.Link) (bool, error) {
	filters, err := list(h, parent, netlink.HANDLE_MIN_INGRESS)
	return len(filters) > 0, err
}

// Add joins the ifb and the VLAN of the parent, whose Changes have been
// applied: egress first, so that the first frame that comes in finds its
// answer's way out. Idempotent: it repairs what somebody took apart.
func Add(h *netlink.Handle, parent, ifb netlink.Link, vid uint16) error {
	p, i := parent.Attrs().Index, ifb.Attrs().Index
	name := fmt.Sprintf("mvrun_vlan_%d", vid)
	push, pop := loading(name, pushProgram(vid, p)), loading(name, popProgram(vid, i))
	defer push.close()
	defer pop.close() // the filters hold them
	if err := addQdisc(h, i); err != nil {
		return fmt.Errorf("add clsact to %s: %w", ifb.Attrs().Name, err)
	}
	out, to, err := find(h, ifb, netlink.HANDLE_MIN_EGRESS, vid)
	if err == nil && (out == nil || to != p) {
		err = attach(h, ifb, netlink.HANDLE_MIN_EGRESS, vid, p, push)
	}
	if err != nil {
		return err
	}
	// What an earlier ifb of this VLAN left behind would catch the frames.
	if err := Remove(h, parent, vid); err != nil {
		return err
	}
	return attach(h, parent, netlink.HANDLE_MIN_INGRESS, vid, i, pop)
}

// Remove takes the VLAN's filter off the parent; the ifb, which has filters of
// its own, is the caller's to delete after. Idempotent.
func Remove(h *netlink.Handle, parent netlink.Link, vid uint16) error {
	f, _, err := find(h, parent, netlink.HANDLE_MIN_INGRESS, vid)
	if f == nil || err != nil {
		return err
	}
	if err := h.FilterDel(f); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete filter of VLAN %d: %w", vid, err)
	}
	return nil
}

func attach(h *netlink.Handle, link netlink.Link, where uint32, vid uint16, to int, load program) error {
	prog, err := load()
	if err != nil {
		return err
	}
	err = h.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: link.Attrs().Index,
			Parent:    where,
			Priority:  vid, // one VLAN, one place: tc shows it as pref
			Protocol:  unix.ETH_P_ALL,
		},
		Fd:           prog.FD(),
		Name:         fmt.Sprintf(filterName, vid, to),
		DirectAction: true,
	})
	if errors.Is(err, unix.ENOENT) {
		err = fmt.Errorf("driver ebpf: this kernel has no cls_bpf (CONFIG_NET_CLS_BPF): %w", err)
	}
	if err != nil {
		return fmt.Errorf("attach filter of VLAN %d to %s: %w", vid, link.Attrs().Name, err)
	}
	return nil
}

func find(h *netlink.Handle, link netlink.Link, where uint32, vid uint16) (f *netlink.BpfFilter, to int, err error) {
	filters, err := list(h, link, where)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range filters {
		if v, to, ours := parseName(f.Name); ours && v == vid && f.Priority == vid {
			return f, to, nil
		}
	}
	return nil, 0, nil
}

func list(h *netlink.Handle, link netlink.Link, where uint32) ([]*netlink.BpfFilter, error) {
	all, err := rtnl.Dump(func() ([]netlink.Filter, error) { return h.FilterList(link, where) })
	// EINVAL: there is no qdisc that could have filters.
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("list filters of %s: %w", link.Attrs().Name, err)
	}
	var ours []*netlink.BpfFilter
	for _, f := range all {
		if bpf, ok := f.(*netlink.BpfFilter); ok && strings.HasPrefix(bpf.Name, "mvrun ") {
			ours = append(ours, bpf)
		}
	}
	return ours, nil
}

func parseName(name string) (vid uint16, to int, ours bool) {
	n, err := fmt.Sscanf(name, filterName, &vid, &to)
	return vid, to, n == 2 && err == nil
}

func htons(v uint16) uint16 {
	if nativeLittle {
		return bits.ReverseBytes16(v)
	}
	return v
}
