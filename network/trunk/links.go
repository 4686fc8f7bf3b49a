package trunk

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network"
)

// Lower is the link that a container's interface is to sit on: the parent
// itself, or a sub-interface of it.
type Lower struct {
	Link   netlink.Link
	Parent netlink.Link
	Driver network.VLANDriver // kernel or ebpf; empty when untagged
	User   User
}

// Use writes the container down as a user of the endpoint's link and makes the
// link if the kernel has none. After an error, too, Leave for what
// User.SameEndpoint tells must follow.
func (l *Locked) Use(containerID string, ep network.Endpoint) (Lower, error) {
	parent, err := l.Handle.Parent(ep.Parent)
	if err == nil {
		err = Suits(parent, ep.Mode)
	}
	if err != nil {
		return Lower{}, err
	}
	below, err := l.serviceVLAN(parent, containerID, ep)
	if err != nil {
		return Lower{}, err
	}
	key := Key{Parent: below.Attrs().Index, VID: ep.VID}
	user := User{Key: key, Container: containerID, Mode: ep.Mode, IfName: ep.IfName}
	if err := l.checkCompany(user); err != nil {
		return Lower{}, err
	}
	if err := l.Ledger.PutUser(user, UserRecord{NetworkID: ep.NetworkID}); err != nil {
		return Lower{}, err
	}
	lower, err := l.Handle.linkFor(l.Ledger, below, ep)
	lower.User = user
	if ep.Outer != 0 {
		lower.Parent = parent
	}
	return lower, err
}

// checkCompany refuses a user whose mode can't be beside that of another one.
func (l *Locked) checkCompany(user User) error {
	found, err := l.Ledger.Scan()
	if err != nil {
		return err
	}
	for _, u := range found.Users {
		if u.Key != user.Key || u == user || !l.trunk.running(u.Container) {
			continue
		}
		if why := user.Mode.Company(u.Mode); why != "" {
			return fmt.Errorf("%s, and container %.12s is on it, too (mode %s)", why, u.Container, u.Mode)
		}
	}
	return nil
}

func (h Handle) linkFor(l Ledger, parent netlink.Link, ep network.Endpoint) (Lower, error) {
	parent, err := h.Up(parent)
	if err != nil {
		return Lower{}, fmt.Errorf("set parent %s up: %w", ep.Parent, err)
	}
	if ep.VID == 0 {
		return Lower{Link: parent, Parent: parent}, nil
	}
	rec, err := h.ensureVLAN(l, parent, ep, Key{Parent: parent.Attrs().Index, VID: ep.VID})
	if err != nil {
		return Lower{}, fmt.Errorf("VLAN %d on %s: %w", ep.VID, ep.Parent, err)
	}
	link, err := h.LinkByIndex(rec.Index)
	if err == nil {
		link, err = h.Up(link)
	}
	if err != nil {
		return Lower{}, fmt.Errorf("set %s up: %w", rec.Name, err)
	}
	return Lower{Link: link, Parent: parent, Driver: rec.Driver}, nil
}

// Up sets a link up that is not, and reads it again: its carrier may be new.
func (h Handle) Up(link netlink.Link) (netlink.Link, error) {
	if link.Attrs().Flags&net.FlagUp != 0 {
		return link, nil
	}
	if err := h.LinkSetUp(link); err != nil {
		return nil, err
	}
	return h.LinkByIndex(link.Attrs().Index)
}

// Leave takes back the uses that gone names and those of containers that don't
// run, and removes the links that mvrun made and nobody uses any more.
// Interfaces that others keep on such a link must be gone by then.
func (l *Locked) Leave(gone func(User) bool) error {
	found, err := l.Ledger.Scan()
	if err != nil {
		return err
	}
	var errs []error
	used, left := map[Key]bool{}, map[Key]bool{}
	for _, u := range found.Users {
		if l.Stays(u, gone) {
			used[u.Key] = true
			continue
		}
		errs = append(errs, l.Ledger.dropUser(u))
		left[u.Key] = true
	}
	busy := map[int]bool{}
	for _, key := range innerFirst(found.Links) {
		if used[key] {
			busy[key.Parent] = true
			continue
		}
		gone, err := l.Handle.retireVLAN(l.Ledger, key, left[key])
		if err != nil {
			errs = append(errs, fmt.Errorf("remove link of VLAN %d: %w", key.VID, err))
		}
		if !gone || err != nil {
			busy[key.Parent] = true
		}
	}
	for _, index := range found.Parents {
		if !busy[index] {
			errs = append(errs, l.Handle.restoreParent(l.Ledger, index))
		}
	}
	for _, name := range found.Scratch {
		errs = append(errs, l.Ledger.remove(name))
	}
	return errors.Join(errs...)
}

// Stale tells, without the lock, whether Leave has anything to do for containers
// that don't run any more.
func (t Trunk) Stale(found Entries) bool {
	if len(found.Scratch) > 0 {
		return true
	}
	used, busy := map[Key]bool{}, map[int]bool{}
	for _, u := range found.Users {
		if !t.running(u.Container) {
			return true
		}
		used[u.Key] = true
	}
	for _, key := range found.Links {
		if !used[key] {
			return true
		}
		busy[key.Parent] = true
	}
	for _, index := range found.Parents {
		if !busy[index] {
			return true
		}
	}
	return false
}
