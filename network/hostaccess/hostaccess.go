// Package hostaccess gives the host an interface of its own beside the containers
// of a network, so that host and containers reach each other.
//
// The kernel lets no frame pass between a macvlan and the interface below it, so
// the host gets a macvlan, too, with an address that is only an address (/32) and
// a route to each container. Nothing else of the host's traffic changes its way.
package hostaccess

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
	"github.com/mvrun/mvrun/network/store"
	"github.com/mvrun/mvrun/network/trunk"
)

// record is a network's host interface, kept in the trunk's ledger as
// host-<network ID>.json.
type record struct {
	NetworkID string       `json:"network_id"`
	Network   string       `json:"network"`
	Name      string       `json:"name"`
	Index     int          `json:"index,omitempty"` // 0: about to be made
	Parent    int          `json:"parent"`          // of the segment
	VID       uint16       `json:"vlan,omitempty"`
	Mode      network.Mode `json:"mode"`
	Addrs     []netip.Addr `json:"addrs"`
	Epoch     string       `json:"epoch"`
}

const prefix = "host-"

func (r record) key() trunk.Key { return trunk.Key{Parent: r.Parent, VID: r.VID} }

func read(l trunk.Ledger, id string) (record, bool) {
	var rec record
	err := l.Read(prefix+id, &rec)
	return rec, err == nil && rec.Epoch == trunk.Epoch()
}

func write(l trunk.Ledger, rec record) error {
	rec.Epoch = trunk.Epoch()
	return l.Put(prefix+rec.NetworkID, rec)
}

// recorded are the IDs of the networks that have a record.
func recorded(found trunk.Entries) (ids []string) {
	for _, name := range found.Others {
		if id, ok := strings.CutPrefix(name, prefix); ok && id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// linkName is the same for all the network's life, so that what a kill
// leaves is found by it.
func linkName(id string) string { return "mvh-" + id[:min(len(id), 11)] }

// Host is what host access asks of the networks' store.
type Host struct{ Store *store.Store }

// Ensure gives the host its interface on the network of an endpoint that is being
// attached, and routes to the network's containers. On networks without host
// access it does nothing. Idempotent. An address of the host's that somebody on
// the segment has is an error.
func (a Host) Ensure(ctx context.Context, l *trunk.Locked, lower trunk.Lower, ep network.Endpoint) error {
	if len(ep.HostAddrs) == 0 {
		return nil
	}
	rec, there := read(l.Ledger, ep.NetworkID)
	link, err := find(l.Handle, rec, there)
	if err != nil {
		return err
	}
	if link != nil && !hasAll(l.Handle, link, rec.Addrs) {
		link = nil // whoever made it was killed before it had its addresses
	}
	if link == nil || link.Attrs().ParentIndex != lower.Link.Attrs().Index {
		rec = record{
			NetworkID: ep.NetworkID, Network: ep.Network, Name: linkName(ep.NetworkID),
			Parent: lower.User.Key.Parent, VID: lower.User.Key.VID, Mode: ep.Mode, Addrs: ep.HostAddrs,
		}
		link, err = a.build(ctx, l, lower, rec, ep)
	}
	if err == nil {
		err = a.updateRoutes(l, link, rec)
	}
	if err != nil {
		return fmt.Errorf("host access to %s: %w", ep.Network, err)
	}
	return nil
}

// updateRoutes brings the routes of the host's interface in line with the
// containers that there are.
func (a Host) updateRoutes(l *trunk.Locked, link netlink.Link, rec record) error {
	found, err := l.Ledger.Scan()
	if err != nil {
		return err
	}
	there, err := a.reachable(l, found.Users, rec, func(trunk.User) bool { return false })
	if err != nil {
		return err
	}
	return setRoutes(l.Handle, link, rec.Addrs, there.addrs)
}

// Learned tells the host what addresses an endpoint has that no claim names: by
// DHCP, or by a router's advertisement.
func (a Host) Learned(t trunk.Trunk, user trunk.User, ep network.Endpoint, addrs []netip.Addr) error {
	if len(ep.HostAddrs) == 0 {
		return nil
	}
	l, err := t.Lock()
	if err != nil {
		return err
	}
	defer l.Unlock()
	if _, there := l.Ledger.User(user); !there {
		return nil // the endpoint is on its way out
	}
	if err := l.Ledger.PutUser(user, trunk.UserRecord{NetworkID: ep.NetworkID, Learned: addrs}); err != nil {
		return err
	}
	rec, there := read(l.Ledger, ep.NetworkID)
	link, err := find(l.Handle, rec, there)
	if link == nil || err != nil {
		return err
	}
	if err := a.updateRoutes(l, link, rec); err != nil {
		return fmt.Errorf("host access to %s: %w", ep.Network, err)
	}
	return nil
}

// find looks the recorded link up; nil if it is there no more.
func find(h trunk.Handle, rec record, recorded bool) (link netlink.Link, err error) {
	switch {
	case !recorded:
		return nil, nil
	case rec.Index != 0:
		link, err = h.ByIndex(rec.Index)
	default:
		link, err = h.Find(rec.Name)
	}
	if link != nil && link.Type() != "macvlan" && link.Type() != "ipvlan" {
		link = nil // the index is another link's now
	}
	return link, err
}

// build makes the host's interface, and gives it its addresses if nobody else on
// the segment has them.
func (a Host) build(ctx context.Context, l *trunk.Locked, lower trunk.Lower, rec record, ep network.Endpoint) (netlink.Link, error) {
	link, err := makeLink(l, lower, rec)
	if err != nil {
		return nil, err
	}
	if err := l.Handle.RefuseHosts(lower.Link, rec.Addrs); err != nil {
		return nil, err
	}
	announce, err := a.probe(ctx, link, lower, rec, ep)
	if err != nil {
		return nil, err
	}
	for _, addr := range rec.Addrs {
		to := &netlink.Addr{IPNet: single(addr), Flags: unix.IFA_F_NODAD}
		if err := l.Handle.AddrAdd(link, to); err != nil {
			return nil, fmt.Errorf("add address %s to %s: %w", addr, rec.Name, err)
		}
	}
	announce()
	return link, nil
}

// hasAll tells whether the link has all of the addresses.
func hasAll(h trunk.Handle, link netlink.Link, wanted []netip.Addr) bool {
	have, err := h.Addrs(link, netlink.FAMILY_ALL)
	return err == nil && !slices.ContainsFunc(wanted, func(want netip.Addr) bool {
		return !slices.ContainsFunc(have, func(a netlink.Addr) bool {
			ip, ok := netip.AddrFromSlice(a.IP)
			return ok && ip.Unmap() == want
		})
	})
}

// makeLink makes the interface without an address, and sets it up.
func makeLink(l *trunk.Locked, lower trunk.Lower, rec record) (netlink.Link, error) {
	if err := write(l.Ledger, rec); err != nil {
		return nil, err
	}
	h := l.Handle
	if old, err := h.Find(rec.Name); err != nil || old != nil && h.LinkDel(old) != nil {
		return nil, errors.Join(err, fmt.Errorf("interface %s is in the way", rec.Name))
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = rec.Name, lower.Link.Attrs().Index
	if !rec.Mode.SharesMAC() {
		sum := sha256.Sum256([]byte("mvrun host access " + rec.NetworkID))
		attrs.HardwareAddr = net.HardwareAddr(sum[:6])
		attrs.HardwareAddr[0] = attrs.HardwareAddr[0]&^1 | 2
	}
	if err := h.LinkAdd(trunk.DriverOf(rec.Mode).Make(attrs)); err != nil {
		return nil, fmt.Errorf("make %s: %w", rec.Name, err)
	}
	link, err := h.LinkByName(rec.Name)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", rec.Name, err)
	}
	rec.Index = link.Attrs().Index
	if err := errors.Join(write(l.Ledger, rec), guestSettings(rec)); err != nil {
		return nil, err
	}
	return h.Up(link)
}

// guestSettings make the host a guest on the segment: it answers for the link's
// own address alone, takes nothing but what its containers send (no route leads
// to others: strict reverse path filtering, RFC 3704), hears no router and
// forwards nothing.
func guestSettings(rec record) error {
	errs := []error{
		trunk.SetSysctl("ipv4", rec.Name, "rp_filter", "1"),
		trunk.SetSysctl("ipv4", rec.Name, "arp_ignore", "1"),
		trunk.SetSysctl("ipv4", rec.Name, "arp_announce", "2"),
		trunk.SetSysctl("ipv4", rec.Name, "forwarding", "0"),
		trunk.SetSysctl("ipv4", rec.Name, "accept_redirects", "0"),
	}
	if !slices.ContainsFunc(rec.Addrs, netip.Addr.Is6) {
		return errors.Join(append(errs, trunk.DisableIPv6(rec.Name))...)
	}
	for _, s := range []struct{ key, value string }{
		{"accept_ra", "0"}, {"autoconf", "0"}, {"accept_redirects", "0"}, {"forwarding", "0"}, {"disable_ipv6", "0"},
	} {
		errs = append(errs, trunk.SetSysctl("ipv6", rec.Name, s.key, s.value))
	}
	return errors.Join(errs...)
}

// setRoutes brings the link's routes in line with the containers that there are.
func setRoutes(h trunk.Handle, link netlink.Link, from, to []netip.Addr) error {
	for _, a := range to {
		i := slices.IndexFunc(from, func(f netip.Addr) bool { return f.Is4() == a.Is4() })
		if i < 0 {
			continue
		}
		route := &netlink.Route{
			LinkIndex: link.Attrs().Index, Dst: single(a), Src: from[i].AsSlice(), Scope: netlink.SCOPE_LINK,
		}
		if err := h.RouteReplace(route); err != nil {
			return fmt.Errorf("add route to %s: %w", a, err)
		}
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := h.Routes(link, family)
		if err != nil {
			return fmt.Errorf("read routes of %s: %w", link.Attrs().Name, err)
		}
		for _, r := range routes {
			if a, ok := host32(r.Dst); !ok || slices.Contains(to, a) || slices.Contains(from, a) {
				continue
			}
			if err := h.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("delete route to %s: %w", r.Dst, err)
			}
		}
	}
	return nil
}

func single(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// host32 is the address of a route to one host.
func host32(dst *net.IPNet) (netip.Addr, bool) {
	if dst == nil {
		return netip.Addr{}, false
	}
	ones, bits := dst.Mask.Size()
	a, ok := netip.AddrFromSlice(dst.IP)
	return a.Unmap(), ok && ones == bits
}

// Withdraw brings the host's interfaces in line with the containers that stay, and
// removes those of networks on which none does. It must precede the trunk's Leave,
// which removes the links below.
func (a Host) Withdraw(l *trunk.Locked, gone func(trunk.User) bool) error {
	found, err := l.Ledger.Scan()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range recorded(found) {
		errs = append(errs, a.withdrawFrom(l, id, found.Users, gone))
	}
	return errors.Join(errs...)
}

func (a Host) withdrawFrom(l *trunk.Locked, id string, users []trunk.User, gone func(trunk.User) bool) error {
	rec, there := read(l.Ledger, id)
	link, err := find(l.Handle, rec, there)
	if err != nil {
		return err
	}
	if link != nil {
		stay, err := a.reachable(l, users, rec, gone)
		if err != nil {
			return err
		}
		if stay.endpoints > 0 {
			return setRoutes(l.Handle, link, rec.Addrs, stay.addrs)
		}
		if err := l.Handle.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("delete %s: %w", rec.Name, err)
		}
	}
	return l.Ledger.Drop(prefix + id)
}

// Stale tells, without the lock, whether Withdraw has anything to do for
// containers that don't run any more.
func Stale(t trunk.Trunk, found trunk.Entries) bool {
	used := map[trunk.Key]bool{}
	for _, u := range found.Users {
		if t.Running == nil || t.Running(u.Container) {
			used[u.Key] = true
		}
	}
	for _, id := range recorded(found) {
		if rec, there := read(t.Ledger(), id); !there || !used[rec.key()] {
			return true
		}
	}
	return false
}

// Link is this host's own interface on a network with host access, as a state
// directory has it on record.
type Link struct {
	Network, NetworkID string
	Name               string
	Index              int
	Addrs              []netip.Addr
}

// Links lists the recorded ones of this boot and of the calling thread's network
// namespace. Whether the kernel still has them is the caller's to look up.
func Links(t trunk.Trunk) ([]Link, error) {
	l := t.Ledger()
	found, err := l.Scan()
	if err != nil {
		return nil, err
	}
	var links []Link
	for _, id := range recorded(found) {
		if rec, ok := read(l, id); ok && rec.Index != 0 {
			links = append(links, Link{Network: rec.Network, NetworkID: rec.NetworkID, Name: rec.Name, Index: rec.Index, Addrs: rec.Addrs})
		}
	}
	return links, nil
}

// reached is what the host's interface on a network is there for.
type reached struct {
	endpoints int          // of containers that run
	addrs     []netip.Addr // of theirs, to have a route to
}

// reachable counts the network's endpoints and their addresses, but for those
// that are on their way out.
func (a Host) reachable(l *trunk.Locked, users []trunk.User, rec record, gone func(trunk.User) bool) (found reached, err error) {
	claims, err := a.Store.Claims(rec.Network)
	if err != nil && !errors.Is(err, ipam.ErrCorrupt) {
		return reached{}, err
	}
	for _, c := range claims {
		user := trunk.User{Key: rec.key(), Container: c.Container, Mode: rec.Mode, IfName: c.IfName}
		if c.Addr.IsValid() && l.Stays(user, gone) {
			found.addrs = append(found.addrs, c.Addr)
		}
	}
	cfg, _ := a.Store.Get(rec.Network) // one that can't be read: no route but to claims
	for _, u := range users {
		if u.Key != rec.key() || !l.Stays(u, gone) {
			continue
		}
		if use, _ := l.Ledger.User(u); use.NetworkID == rec.NetworkID {
			found.endpoints++
			found.addrs = append(found.addrs, slices.DeleteFunc(use.Learned, func(a netip.Addr) bool { return !cfg.MayRoute(a) })...)
		}
	}
	slices.SortFunc(found.addrs, netip.Addr.Compare)
	found.addrs = slices.Compact(found.addrs)
	return found, nil
}
