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
func (l *Leg) whoHas(mac string) string {
	nets, err := l.store.onSegment(l.ep.Segment)
	if err != nil {
		return ""
	}
	for _, cfg := range nets {
		claims, _ := l.store.readable(cfg.Name)
		for _, c := range claims {
			if c.MAC == mac && c.Container != l.owner.ID {
				return c.Who()
			}
		}
	}
	return ""
}

func (l *Leg) takenError(addr netip.Addr, mac string) error {
	by := mac
	if who := l.whoHas(mac); who != "" {
		by = fmt.Sprintf("%s (container %s)", mac, who)
	}
	return fmt.Errorf("address %s %w on %s: %s has it: choose another --ip, or look for that machine; --conflict-probe off starts all the same",
		addr, ErrTaken, l.ep.Segment, by)
}

// hostHas refuses an address of the host itself on the link that the leg sits
// on: a macvlan does not hear its own parent's host, nor would the two ever
// reach each other, so no probe could tell.
func (l *Leg) hostHas(h host) error {
	below := l.used.link
	for _, p := range l.ep.Addrs {
		family := netlink.FAMILY_V4
		if p.Addr().Is6() {
			family = netlink.FAMILY_V6
		}
		addrs, err := h.addrs(below, family)
		if err != nil {
			return fmt.Errorf("read addresses of %s: %w", below.Attrs().Name, err)
		}
		for _, a := range addrs {
			if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.Unmap() == p.Addr() {
				return fmt.Errorf("address %s %w: this host itself has it on %s: choose another --ip", p.Addr(), ErrTaken, below.Attrs().Name)
			}
		}
	}
	return nil
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
