package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/network/trunk"
)

const (
	// leaseWait is how long a start waits for a server: two messages of RFC 2131
	// 4.1, four and a bit seconds apart, and the answer to the second.
	leaseWait = 10 * time.Second
	// rebootWait is for one that has a lease which runs on, and which the client
	// keeps when no server answers.
	rebootWait = 20 * time.Second
)

// leasing is the DHCP side of a leg.
type leasing struct {
	conn   *dhcp.Socket
	client *dhcp.Client
	first  chan error // of the first lease: nil when it is configured

	// Of the client's goroutine, but under the leg's lock where others look.
	next    *addressTask // of an address that was found free
	refused []error      // of addresses that are in use
	current *dhcp.Lease
}

// lease gets the leg's first lease; the client goes on to keep it.
func (l *Attached) lease(ctx context.Context) error {
	if !l.dev.ep.DHCP {
		return nil
	}
	prior := l.hooks.Prior
	if prior != nil && !prior.Valid(time.Now()) {
		prior = nil
	}
	if prior == nil && !trunk.HasCarrier(l.dev.lower.Parent) {
		return fmt.Errorf("no address by DHCP: parent %s has no carrier", l.dev.ep.Parent)
	}
	if err := l.startClient(); err != nil {
		return err
	}
	wait := leaseWait
	if prior != nil {
		wait = rebootWait
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-l.leasing.first:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return l.noLease(wait)
	}
}

func (l *Attached) startClient() error {
	mac := l.dev.link.Attrs().HardwareAddr
	conn, err := dhcp.Listen(int(l.dev.ns.File().Fd()), l.dev.link.Attrs().Index, mac)
	if err != nil {
		return err
	}
	client, err := dhcp.NewClient(conn, l.identity(mac), dhcp.Options{Prior: l.hooks.Prior, Probe: l.contested, Notify: l.leased})
	if err != nil {
		conn.Close()
		return err
	}
	l.mu.Lock()
	l.leasing = &leasing{conn: conn, client: client, first: make(chan error, 1)}
	l.mu.Unlock()
	l.tasks.Go(func() {
		if err := client.Run(l.ctx); err != nil && !errors.Is(err, dhcp.ErrLinkGone) {
			l.firstLease(err)
		}
	})
	return nil
}

// identity is the container's, so that a lease outlives the MAC address; a
// second leg has one of its own, for it wants another address.
func (l *Attached) identity(mac net.HardwareAddr) dhcp.Identity {
	return leaseIdentity(l.owner, l.dev.ep, mac)
}

func leaseIdentity(owner network.Owner, ep network.Endpoint, mac net.HardwareAddr) dhcp.Identity {
	id := owner.ID
	if ep.IfName != "eth0" {
		id += "/" + ep.IfName
	}
	return dhcp.Identity{ID: id, Hostname: owner.Hostname, MAC: mac}
}

func (l *Attached) firstLease(err error) {
	select {
	case l.leasing.first <- err:
	default:
	}
}

func (l *Attached) noLease(waited time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if refused := l.leasing.refused; len(refused) > 0 {
		return fmt.Errorf("no address by DHCP within %s: the server offered one that can't be used: %w", waited, refused[len(refused)-1])
	}
	asked := ""
	if l.hooks.Prior != nil {
		asked = fmt.Sprintf(" (asked for %s)", l.hooks.Prior.Addr.Addr())
	}
	return fmt.Errorf("no DHCP server answered on %s within %s%s: is there one on this VLAN? Else give an address with --ip", l.dev.ep.Segment, waited, asked)
}

// contested says whether somebody else has an address that the server gave, or
// owns it by mvrun's book. A free one keeps the socket for its guard.
func (l *Attached) contested(addr netip.Addr) (taken bool) {
	err := l.manager.Store.ClaimedByOther(l.dev.ep.Segment, addr, l.owner.ID)
	var w *addressTask
	if err == nil {
		w, err = l.openAddress(addr)
	}
	if err == nil && l.dev.ep.Probe != 0 {
		var r acd.Result
		if r, err = acd.Probe(w.ctx, w.conn, w.claim, l.dev.ep.Probe); err == nil && r.State == acd.Taken {
			err = l.takenError(addr, r.MAC.String())
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropNext()
	if err != nil {
		l.leasing.refused = append(l.leasing.refused, err)
		if w != nil {
			w.close()
		}
		return true
	}
	l.leasing.next = w
	return false
}

func (l *Attached) dropNext() {
	if l.leasing.next != nil {
		l.leasing.next.close()
		l.leasing.next = nil
	}
}

// dropContested gives a leased address back that another host insists on.
func (l *Attached) dropContested(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leasing != nil && l.leasing.current != nil && l.leasing.current.Addr.Addr() == addr {
		l.leasing.client.Decline()
	}
}
