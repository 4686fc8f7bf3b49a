package network

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// hostLink is the record of a network's link on the host itself, kept in the
// ledger as host-<network ID>.json. The kernel lets no frame pass between a
// macvlan and the interface below it, so the host takes a seat beside the
// containers: a macvlan of its own, with an address that is only an address
// (/32) and a route to each container. Nothing else of the host's traffic
// changes its way.
type hostLink struct {
	NetworkID string       `json:"network_id"`
	Network   string       `json:"network"`
	Name      string       `json:"name"`
	Index     int          `json:"index,omitempty"` // 0: about to be made
	Parent    int          `json:"parent"`          // of the segment
	VID       uint16       `json:"vlan,omitempty"`
	Mode      string       `json:"mode"`
	Addrs     []netip.Addr `json:"addrs"`
	Epoch     string       `json:"epoch"`
}

const hostPrefix = "host-"

func (r hostLink) key() linkKey { return linkKey{parent: r.Parent, vid: r.VID} }

func (l ledger) hostLink(id string) (hostLink, bool) {
	var rec hostLink
	err := jsonfile.Read(filepath.Join(l.dir, hostPrefix+id+".json"), &rec)
	return rec, err == nil && rec.Epoch == epoch()
}

func (l ledger) setHostLink(rec hostLink) error {
	rec.Epoch = epoch()
	return l.put(hostPrefix+rec.NetworkID, rec)
}

// hostLinkName is the same for all the network's life, so that what a kill
// leaves is found by it.
func hostLinkName(id string) string { return "mvh-" + id[:min(len(id), 11)] }

// seatHost gives the host its place on the network of an endpoint that is being
// attached, and routes to the network's containers. It is done under the
// ledger's lock.
func (s *Store) seatHost(ctx context.Context, h host, l ledger, used usedLink, ep Endpoint) error {
	if len(ep.HostAddrs) == 0 {
		return nil
	}
	rec, recorded := l.hostLink(ep.NetworkID)
	link, err := h.hostLink(rec, recorded)
	if err != nil {
		return err
	}
	if link != nil && !h.hasAll(link, rec.Addrs) {
		link = nil // whoever made it was killed before it had its addresses
	}
	if link == nil || link.Attrs().ParentIndex != used.link.Attrs().Index {
		rec = hostLink{
			NetworkID: ep.NetworkID, Network: ep.Network, Name: hostLinkName(ep.NetworkID),
			Parent: used.user.key.parent, VID: used.user.key.vid, Mode: ep.Mode, Addrs: ep.HostAddrs,
		}
		link, err = s.makeSeat(ctx, h, l, used, rec, ep)
	}
	if err == nil {
		err = s.routeToLegs(h, l, link, rec)
	}
	if err != nil {
		return fmt.Errorf("host access to %s: %w", ep.Network, err)
	}
	return nil
}

// routeToLegs brings the routes of the host's link in line with the containers
// that there are, under the lock.
func (s *Store) routeToLegs(h host, l ledger, link netlink.Link, rec hostLink) error {
	found, err := l.scan()
	if err != nil {
		return err
	}
	there, err := s.seated(l, found.users, rec, func(linkUser) bool { return false })
	if err != nil {
		return err
	}
	return h.routeTo(link, rec.Addrs, there.addrs)
}

// learned tells the host what addresses a leg has that no claim names.
func (s *Store) learned(user linkUser, ep Endpoint, addrs []netip.Addr) error {
	if len(ep.HostAddrs) == 0 {
		return nil
	}
	l := s.ledger()
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, there := l.user(user); !there {
		return nil // the leg is on its way out
	}
	if err := l.putUser(user, userRecord{ep.NetworkID, addrs}); err != nil {
		return err
	}
	h, err := openHost()
	if err != nil {
		return err
	}
	defer h.Close()
	rec, recorded := l.hostLink(ep.NetworkID)
	link, err := h.hostLink(rec, recorded)
	if link == nil || err != nil {
		return err
	}
	if err := s.routeToLegs(h, l, link, rec); err != nil {
		return fmt.Errorf("host access to %s: %w", ep.Network, err)
	}
	return nil
}

// hostLink looks the recorded link up; nil if it is there no more.
func (h host) hostLink(rec hostLink, recorded bool) (link netlink.Link, err error) {
	switch {
	case !recorded:
		return nil, nil
	case rec.Index != 0:
		link, err = h.byIndex(rec.Index)
	default:
		link, err = h.find(rec.Name)
	}
	if link != nil && link.Type() != "macvlan" && link.Type() != "ipvlan" {
		link = nil // the index is another link's by now
	}
	return link, err
}

// makeSeat makes the host's link, and gives it its addresses if nobody else on
// the segment has them.
func (s *Store) makeSeat(ctx context.Context, h host, l ledger, used usedLink, rec hostLink, ep Endpoint) (netlink.Link, error) {
	link, err := h.makeHostLink(l, used, rec)
	if err != nil {
		return nil, err
	}
	if err := h.hostHas(used.link, rec.Addrs); err != nil {
		return nil, err
	}
	announce, err := s.probeSeat(ctx, link, used, rec, ep)
	if err != nil {
		return nil, err
	}
	for _, a := range rec.Addrs {
		addr := &netlink.Addr{IPNet: single(a), Flags: unix.IFA_F_NODAD}
		if err := h.AddrAdd(link, addr); err != nil {
			return nil, fmt.Errorf("add address %s to %s: %w", a, rec.Name, err)
		}
	}
	announce()
	return link, nil
}

// hasAll tells whether the link has all of the addresses.
func (h host) hasAll(link netlink.Link, wanted []netip.Addr) bool {
	have, err := h.addrs(link, netlink.FAMILY_ALL)
	return err == nil && !slices.ContainsFunc(wanted, func(want netip.Addr) bool {
		return !slices.ContainsFunc(have, func(a netlink.Addr) bool {
			ip, ok := netip.AddrFromSlice(a.IP)
			return ok && ip.Unmap() == want
		})
	})
}

// makeHostLink makes the link without an address, and sets it up.
func (h host) makeHostLink(l ledger, used usedLink, rec hostLink) (netlink.Link, error) {
	if err := l.setHostLink(rec); err != nil {
		return nil, err
	}
	if old, err := h.find(rec.Name); err != nil || old != nil && h.LinkDel(old) != nil {
		return nil, errors.Join(err, fmt.Errorf("interface %s is in the way", rec.Name))
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = rec.Name, used.link.Attrs().Index
	if rec.Mode != l2 {
		sum := sha256.Sum256([]byte("mvrun host access " + rec.NetworkID))
		attrs.HardwareAddr = net.HardwareAddr(sum[:6])
		attrs.HardwareAddr[0] = attrs.HardwareAddr[0]&^1 | 2
	}
	if err := h.LinkAdd(child(attrs, rec.Mode)); err != nil {
		return nil, fmt.Errorf("make %s: %w", rec.Name, err)
	}
	link, err := h.LinkByName(rec.Name)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", rec.Name, err)
	}
	rec.Index = link.Attrs().Index
	if err := errors.Join(l.setHostLink(rec), guestSettings(rec)); err != nil {
		return nil, err
	}
	return h.up(link)
}

// guestSettings make the host a guest on the segment: it answers for the link's
// own address alone, takes nothing but what its containers send (no route leads
// to others: strict reverse path filtering, RFC 3704), hears no router and
// forwards nothing.
func guestSettings(rec hostLink) error {
	errs := []error{
		setSysctl("ipv4", rec.Name, "rp_filter", "1"),
		setSysctl("ipv4", rec.Name, "arp_ignore", "1"),
		setSysctl("ipv4", rec.Name, "arp_announce", "2"),
		setSysctl("ipv4", rec.Name, "forwarding", "0"),
		setSysctl("ipv4", rec.Name, "accept_redirects", "0"),
	}
	if !slices.ContainsFunc(rec.Addrs, netip.Addr.Is6) {
		return errors.Join(append(errs, noIPv6(rec.Name))...)
	}
	for _, s := range []setting{
		{"accept_ra", "0"}, {"autoconf", "0"}, {"accept_redirects", "0"}, {"forwarding", "0"}, {"disable_ipv6", "0"},
	} {
		errs = append(errs, setSysctl("ipv6", rec.Name, s.key, s.value))
	}
	return errors.Join(errs...)
}

// routeTo brings the link's routes in line with the containers that there are.
func (h host) routeTo(link netlink.Link, from, to []netip.Addr) error {
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
		routes, err := h.RouteList(link, family)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
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

// unseatHosts brings the host's links in line with the containers that stay,
// and removes those of networks on which none does. It is done before the VLAN
// links below them go.
func (s *Store) unseatHosts(h host, l ledger, found entries, gone func(linkUser) bool) error {
	var errs []error
	for _, id := range found.hosts {
		if err := s.unseatHost(h, l, id, found.users, gone); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Store) unseatHost(h host, l ledger, id string, users []linkUser, gone func(linkUser) bool) error {
	rec, recorded := l.hostLink(id)
	link, err := h.hostLink(rec, recorded)
	if err != nil {
		return err
	}
	if link != nil {
		stay, err := s.seated(l, users, rec, gone)
		if err != nil {
			return err
		}
		if stay.legs > 0 {
			return h.routeTo(link, rec.Addrs, stay.addrs)
		}
		if err := h.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("delete %s: %w", rec.Name, err)
		}
	}
	return l.remove(hostPrefix + id + ".json")
}

// isHostRecord tells the ledger's host-<network ID> from its other names.
func isHostRecord(base string) (id string, ok bool) {
	id, ok = strings.CutPrefix(base, hostPrefix)
	return id, ok && id != "" && !strings.ContainsRune(id, os.PathSeparator)
}
