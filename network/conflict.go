package network

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/network/acd"
)

// ErrTaken says that an address belongs to somebody else on the LAN.
var ErrTaken = errors.New("is already in use")

// Conflict is another host that uses an address of a container.
type Conflict struct {
	IfName    string     `json:"ifname"`
	Addr      netip.Addr `json:"addr"`
	MAC       string     `json:"mac"`                 // the other's
	Container string     `json:"container,omitempty"` // whose MAC that is, if one of this host's
	Time      time.Time  `json:"time"`
	// Defended says that the address was announced in answer. False: the other
	// does not give it up, and both now use it.
	Defended bool `json:"defended"`
}

func (l *Leg) conflict(c acd.Conflict) {
	if !c.Defended {
		l.dropContested(c.Claim.Addr)
	}
	if l.hooks.Conflict == nil {
		return
	}
	l.hooks.Conflict(Conflict{
		IfName: l.ep.IfName, Addr: c.Claim.Addr, MAC: c.MAC.String(), Container: l.whoHas(c.MAC.String()),
		Time: c.Time, Defended: c.Defended,
	})
}

// whoHas names the container of this host with the MAC address on the leg's
// segment, or is empty.
func (l *Leg) whoHas(mac string) string { return l.store.whoHas(l.ep.Segment, mac, l.owner.ID) }

// holder is the MAC address for people, with the container that it is of.
func holder(mac, container string) string {
	if container == "" {
		return mac
	}
	return fmt.Sprintf("%s (container %s)", mac, container)
}

func (s *Store) whoHas(seg Segment, mac, but string) string {
	nets, err := s.onSegment(seg)
	if err != nil {
		return ""
	}
	for _, cfg := range nets {
		claims, _ := s.readable(cfg.Name)
		for _, c := range claims {
			if c.MAC == mac && c.Container != but {
				return c.Who()
			}
		}
	}
	return ""
}

func (l *Leg) takenError(addr netip.Addr, mac string) error {
	return fmt.Errorf("address %s %w on %s: %s has it: choose another --ip, or look for that machine; --conflict-probe off starts all the same",
		addr, ErrTaken, l.ep.Segment, holder(mac, l.whoHas(mac)))
}

// hostHas refuses an address that the host itself has on the link that a macvlan
// sits on: it does not hear its own parent's host, nor would the two ever reach
// each other, so no probe could tell.
func (h host) hostHas(below netlink.Link, wanted []netip.Addr) error {
	for _, want := range wanted {
		family := netlink.FAMILY_V4
		if want.Is6() {
			family = netlink.FAMILY_V6
		}
		addrs, err := h.addrs(below, family)
		if err != nil {
			return fmt.Errorf("read addresses of %s: %w", below.Attrs().Name, err)
		}
		for _, a := range addrs {
			if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.Unmap() == want {
				return fmt.Errorf("address %s %w: this host itself has it on %s", want, ErrTaken, below.Attrs().Name)
			}
		}
	}
	return nil
}

// singles are the addresses without their subnets.
func singles(prefixes []netip.Prefix) (addrs []netip.Addr) {
	for _, p := range prefixes {
		addrs = append(addrs, p.Addr())
	}
	return addrs
}

// addrs lists a link's addresses. A dump that a change interrupts is repeated.
func (h host) addrs(link netlink.Link, family int) ([]netlink.Addr, error) {
	for try := 0; ; try++ {
		addrs, err := h.AddrList(link, family)
		if !errors.Is(err, netlink.ErrDumpInterrupted) || try == 10 {
			return addrs, err
		}
	}
}
