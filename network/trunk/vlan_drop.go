package trunk

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/vlanbpf"
)

func (h Handle) restoreParent(l Ledger, index int) error {
	changes, recorded := l.parent(index)
	parent, err := h.ByIndex(index)
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

// retireVLAN is dropVLAN for a link that none of our containers is on any more.
// With somebody else's on it, it stays, and so does its record: a later command
// removes it. Right after one of ours was killed (dying) its namespace may be
// there for a moment longer than its monitor.
func (h Handle) retireVLAN(l Ledger, key Key, dying bool) (gone bool, err error) {
	rec, recorded := l.link(key)
	if recorded && rec.Made && rec.Index != 0 {
		link, err := h.ByIndex(rec.Index)
		if err != nil {
			return false, err
		}
		for begin := time.Now(); link != nil && h.isOurs(link, key, rec); time.Sleep(20 * time.Millisecond) {
			occupied, err := h.occupied(rec.Index)
			if err != nil || occupied && (!dying || time.Since(begin) > dyingTime) {
				return false, err
			}
			if !occupied {
				break
			}
		}
	}
	return true, h.dropVLAN(l, key)
}

// dyingTime is how long a killed container may take to be gone.
const dyingTime = 300 * time.Millisecond

// dropVLAN removes a link that mvrun made, then its record. What the record
// leads to must still be that link; a link of somebody else stays. Idempotent.
func (h Handle) dropVLAN(l Ledger, key Key) error {
	rec, recorded := l.link(key)
	if !recorded || !rec.Made {
		return l.dropLink(key)
	}
	parent, err := h.ByIndex(key.Parent)
	if err != nil {
		return err
	}
	if rec.Driver == network.DriverEBPF && parent != nil {
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
func (h Handle) dropFilter(parent netlink.Link, rec linkRecord) error {
	index, err := vlanbpf.Find(h.Handle, parent, rec.VID)
	if err != nil || rec.Index != 0 && index != 0 && index != rec.Index {
		return err
	}
	return vlanbpf.Remove(h.Handle, parent, rec.VID)
}

func (h Handle) made(rec linkRecord) (netlink.Link, error) {
	if rec.Index != 0 {
		return h.ByIndex(rec.Index)
	}
	return h.Find(rec.Name)
}

func (h Handle) isOurs(link netlink.Link, key Key, rec linkRecord) bool {
	if rec.Driver == network.DriverKernel {
		return isVLAN(link, key)
	}
	if link.Type() != "ifb" {
		return false
	}
	parent, vid, err := vlanbpf.Carries(h.Handle, link)
	return err == nil && (vid == 0 || vid == key.VID && parent == key.Parent)
}
