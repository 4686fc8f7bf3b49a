package acd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/rtnl"
)

// dadPoll is how often the kernel is asked. Its own detection takes one to two
// seconds (RFC 4862: up to MAX_RTR_SOLICITATION_DELAY, then RetransTimer).
const dadPoll = 20 * time.Millisecond

// AwaitDAD waits for the kernel's verdict on an IPv6 address that is
// configured on the interface, by a netlink handle of its namespace. The
// kernel does not say who has a taken address. NoPath: the interface has no
// carrier, and detection has not begun. An address that was Probed may instead
// be configured with IFA_F_NODAD, and then needs no waiting.
func AwaitDAD(ctx context.Context, h *netlink.Handle, index int, addr netip.Addr) (State, error) {
	seen := false
	for {
		flags, err := addrFlags(h, index, addr)
		switch {
		case errors.Is(err, errNoAddr) && seen:
			return Taken, nil // the kernel drops one with a lifetime (addrconf_dad_stop)
		case err != nil:
			return Free, fmt.Errorf("await duplicate address detection of %s: %w", addr, err)
		case flags&unix.IFA_F_DADFAILED != 0:
			return Taken, nil
		case flags&unix.IFA_F_TENTATIVE == 0:
			return Free, nil
		default:
			seen = true
		}
		if link, err := h.LinkByIndex(index); err == nil && link.Attrs().RawFlags&unix.IFF_LOWER_UP == 0 {
			return NoPath, nil
		}
		if !sleep(ctx, dadPoll) {
			return Free, fmt.Errorf("await duplicate address detection of %s: %w", addr, ctx.Err())
		}
	}
}

var errNoAddr = errors.New("the interface has no such address")

func addrFlags(h *netlink.Handle, index int, addr netip.Addr) (int, error) {
	link := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}}
	addrs, err := rtnl.Dump(func() ([]netlink.Addr, error) { return h.AddrList(link, netlink.FAMILY_V6) })
	if err != nil {
		return 0, err
	}
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && ip == addr {
			return a.Flags, nil
		}
	}
	return 0, errNoAddr
}
