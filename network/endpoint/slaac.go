package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// listenForRouters begins to hear of the addresses that the kernel makes of
// routers' advertisements (RFC 4862). It comes before link-up.
func (l *Attached) listenForRouters() error {
	if l.dev.ep.IPv6 != network.SLAAC {
		return nil
	}
	return l.dev.ns.Do(func() (err error) {
		l.routers, err = subscribe(unix.RTNLGRP_IPV6_IFADDR, nil)
		return err
	})
}

// followRouters keeps the attachment, and who wants to know, up to date until
// the leg stops.
func (l *Attached) followRouters() {
	l.learn()
	stop := closeWith(l.ctx, l.routers)
	defer stop()
	b := make([]byte, msgSize) // what it says is read from the link itself
	for {
		if _, _, err := l.routers.Recvfrom(context.Background(), b, 0); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		l.learn()
	}
}

// learn reads what addresses the leg has by routers now.
func (l *Attached) learn() {
	now, err := l.slaacAddrs()
	if err == nil && !l.swapLearned(now) {
		return
	}
	if err == nil {
		err = l.tellHost()
	}
	if l.hooks.Addrs != nil && l.ctx.Err() == nil {
		l.hooks.Addrs(err)
	}
}

// slaacAddrs are those that the kernel made of a router's prefix (they alone
// manage temporary ones, RFC 8981), that nobody else has, and that new
// connections may use.
func (l *Attached) slaacAddrs() (found []netip.Prefix, err error) {
	in, err := l.dev.ns.Handle()
	if err != nil {
		return nil, err
	}
	all, err := trunk.Handle{Handle: in}.Addrs(l.dev.link, netlink.FAMILY_V6)
	if err != nil {
		return nil, fmt.Errorf("read addresses of %s: %w", l.dev.ep.IfName, err)
	}
	const unfit = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_DEPRECATED
	for _, a := range all {
		ip, ok := netip.AddrFromSlice(a.IP)
		if !ok || a.Flags&unix.IFA_F_MANAGETEMPADDR == 0 || a.Flags&unfit != 0 || ip.IsLinkLocalUnicast() {
			continue
		}
		ones, _ := a.Mask.Size()
		found = append(found, netip.PrefixFrom(ip, ones))
	}
	slices.SortFunc(found, netip.Prefix.Compare)
	return found, nil
}

// swapLearned is false if they are the ones that were known.
func (l *Attached) swapLearned(now []netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.at.SLAAC
	if slices.Equal(old, now) {
		return false
	}
	others := slices.DeleteFunc(slices.Clone(l.at.Addrs), func(p netip.Prefix) bool { return slices.Contains(old, p) })
	l.at.SLAAC, l.at.Addrs = now, append(others, now...)
	return true
}

// tellHost lets a host with access to the network know the addresses that the
// endpoint was not planned with.
func (l *Attached) tellHost() error {
	at := l.Attachment()
	addrs := singles(at.SLAAC)
	if at.Lease != nil {
		addrs = append(addrs, at.Lease.Addr.Addr())
	}
	return l.manager.host().Learned(l.manager.Trunk, l.dev.lower.User, l.dev.ep, addrs)
}
