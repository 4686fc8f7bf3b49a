package network

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// usedLink is the link that a container's macvlan is to sit on.
type usedLink struct {
	link   netlink.Link
	parent netlink.Link
	driver string // kernel or ebpf; empty when untagged
	user   linkUser
}

// use writes the container down as a user of the endpoint's link and makes the
// link if the kernel has none. leave, under the container's ID, takes it back.
func (s *Store) use(ctx context.Context, h host, containerID string, ep Endpoint) (usedLink, error) {
	parent, err := h.parent(ep.Parent)
	if err == nil {
		err = carries(parent, ep.Mode)
	}
	if err != nil {
		return usedLink{}, err
	}
	l := s.ledger()
	unlock, err := l.lock()
	if err != nil {
		return usedLink{}, err
	}
	defer unlock()

	below, err := s.serviceVLAN(h, l, parent, containerID, ep)
	if err != nil {
		return usedLink{}, err
	}
	user := linkUser{linkKey{parent: below.Attrs().Index, vid: ep.VID}, containerID, ep.Mode, ep.IfName}
	if err := s.alone(l, user); err != nil {
		return usedLink{}, err
	}
	if err := l.putUser(user, userRecord{NetworkID: ep.NetworkID}); err != nil {
		return usedLink{}, err
	}
	used, err := h.linkFor(l, below, ep)
	used.user = user
	if ep.Outer != 0 {
		used.parent = parent
	}
	if err == nil {
		err = s.seatHost(ctx, h, l, used, ep)
	}
	if err != nil {
		return usedLink{}, errors.Join(err, s.leaveLocked(h, l, user.sameLeg))
	}
	return used, nil
}

// alone refuses company where there is a leg in passthru mode.
func (s *Store) alone(l ledger, user linkUser) error {
	found, err := l.scan()
	if err != nil {
		return err
	}
	for _, u := range found.users {
		if u.key != user.key || u == user || !s.running(u.container) {
			continue
		}
		if (u.mode == l2) != (user.mode == l2) {
			return fmt.Errorf("an interface carries macvlan or ipvlan, not both, and container %.12s is on it (mode %s)", u.container, u.mode)
		}
		if u.mode != passthru && user.mode != passthru {
			continue
		}
		return fmt.Errorf("passthru mode has its parent to itself, and container %.12s is on it, too (mode %s)", u.container, u.mode)
	}
	return nil
}

func (h host) linkFor(l ledger, parent netlink.Link, ep Endpoint) (usedLink, error) {
	parent, err := h.up(parent)
	if err != nil {
		return usedLink{}, fmt.Errorf("set parent %s up: %w", ep.Parent, err)
	}
	if ep.VID == 0 {
		return usedLink{link: parent, parent: parent}, nil
	}
	rec, err := h.ensureVLAN(l, parent, ep, linkKey{parent: parent.Attrs().Index, vid: ep.VID})
	if err != nil {
		return usedLink{}, fmt.Errorf("VLAN %d on %s: %w", ep.VID, ep.Parent, err)
	}
	link, err := h.LinkByIndex(rec.Index)
	if err == nil {
		link, err = h.up(link)
	}
	if err != nil {
		return usedLink{}, fmt.Errorf("set %s up: %w", rec.Name, err)
	}
	return usedLink{link: link, parent: parent, driver: rec.Driver}, nil
}

// up sets a link up that is not, and reads it again: its carrier may be new.
func (h host) up(link netlink.Link) (netlink.Link, error) {
	if link.Attrs().Flags&net.FlagUp != 0 {
		return link, nil
	}
	if err := h.LinkSetUp(link); err != nil {
		return nil, err
	}
	return h.LinkByIndex(link.Attrs().Index)
}

// leave takes the uses back that gone tells, and removes the links that mvrun
// made and nobody uses any more.
func (s *Store) leave(gone func(linkUser) bool) error {
	l := s.ledger()
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	h, err := openHost()
	if err != nil {
		return err
	}
	defer h.Close()
	return s.leaveLocked(h, l, gone)
}

func (s *Store) leaveLocked(h host, l ledger, gone func(linkUser) bool) error {
	found, err := l.scan()
	if err != nil {
		return err
	}
	var errs []error
	used, left := map[linkKey]bool{}, map[linkKey]bool{}
	for _, u := range found.users {
		if gone(u) || !s.running(u.container) {
			errs = append(errs, l.dropUser(u))
			left[u.key] = true
		} else {
			used[u.key] = true
		}
	}
	errs = append(errs, s.unseatHosts(h, l, found, gone))
	busy := map[int]bool{}
	for _, key := range innerFirst(found.links) {
		if used[key] {
			busy[key.parent] = true
			continue
		}
		gone, err := h.retireVLAN(l, key, left[key])
		if err != nil {
			errs = append(errs, fmt.Errorf("remove link of VLAN %d: %w", key.vid, err))
		}
		if !gone || err != nil {
			busy[key.parent] = true
		}
	}
	for _, index := range found.parents {
		if !busy[index] {
			errs = append(errs, h.restoreParent(l, index))
		}
	}
	for _, name := range found.scratch {
		errs = append(errs, l.remove(name))
	}
	return errors.Join(errs...)
}

// Detach gives up all of a container's uses of links, and removes the links
// that mvrun made and that nobody uses any more. It needs nothing of the
// container but its ID: the namespace may be gone. Idempotent.
func (s *Store) Detach(containerID string) error {
	found, err := s.ledger().scan()
	if err != nil {
		return err
	}
	for _, u := range found.users {
		if u.container == containerID {
			return s.leave(func(u linkUser) bool { return u.container == containerID })
		}
	}
	return nil
}

// reapLinks does what Detach would have done for dead containers, if there is
// anything to do.
func (s *Store) reapLinks() error {
	found, err := s.ledger().scan()
	if err != nil {
		return err
	}
	stale := len(found.scratch) > 0
	used, busy := map[linkKey]bool{}, map[int]bool{}
	for _, u := range found.users {
		live := s.running(u.container)
		used[u.key] = used[u.key] || live
		stale = stale || !live
	}
	for _, id := range found.hosts {
		rec, recorded := s.ledger().hostLink(id)
		stale = stale || !recorded || !used[rec.key()]
	}
	for _, key := range found.links {
		stale = stale || !used[key]
		busy[key.parent] = true
	}
	for _, index := range found.parents {
		stale = stale || !busy[index]
	}
	if !stale {
		return nil
	}
	return s.leave(func(linkUser) bool { return false })
}
