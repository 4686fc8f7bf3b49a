package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/mdlayher/socket"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Hooks are told what happens to a leg; each may be nil. They are called from
// the leg's own goroutines and must not block for long, nor call Stop.
type Hooks struct {
	Conflict func(Conflict)
	// ParentGone is told that the parent was deleted, or can't be watched.
	ParentGone func()
	// Addrs is told when the leg's addresses by SLAAC have changed. err says
	// what did not follow.
	Addrs func(err error)
	// Lease is told of every change of a DHCP lease, the first one before
	// Attach returns. err says that it could not be applied.
	Lease func(leg *Leg, e LeaseEvent, err error)
	Prior *Lease // of the endpoint's run before
}

// Leg is an endpoint that stands in a container's namespace, with the tasks
// that keep it: guards of its addresses, and its lease.
type Leg struct {
	*attaching
	store *Store
	owner Owner
	hooks Hooks

	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	parent  *parentWatch
	routers *socket.Conn // nil without SLAAC

	mu       sync.Mutex
	at       Attachment
	warnings []string
	watches  []*watch
	leads    bool // has the default route
	started  bool
	stopped  bool
	leasing  *leasing // nil without DHCP
}

func (s *Store) newLeg(a *attaching, owner Owner, hooks Hooks) *Leg {
	l := &Leg{attaching: a, store: s, owner: owner, hooks: hooks, leads: a.ep.Default}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Attachment is the leg as it stands now.
func (l *Leg) Attachment() Attachment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

// Start announces the leg's addresses and guards them from now on. It is for
// the moment when the container runs.
func (l *Leg) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.started {
		return
	}
	l.started = true
	for _, w := range l.watches {
		l.begin(w)
	}
	l.tasks.Go(l.watchOver)
	if l.routers != nil {
		l.tasks.Go(l.followRouters)
	}
}

// watchOver stays with the parent until one of them ends.
func (l *Leg) watchOver() {
	l.parent.run(l.ctx, l.announce)
	if l.ctx.Err() == nil && l.hooks.ParentGone != nil {
		l.hooks.ParentGone()
	}
}

// begin runs a watch's task, under the lock.
func (l *Leg) begin(w *watch) {
	l.tasks.Go(func() { _ = w.task.Run(w.ctx) }) // it ends with the link, which has its own tidings
}

// announce has all the addresses announced again.
func (l *Leg) announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.watches {
		w.task.Announce()
	}
}

// Stop ends the leg's tasks and takes its addresses away: the kernel needs a
// while for a namespace without processes, and until then would answer for
// addresses that others may have by now. A lease is not given back. Idempotent.
func (l *Leg) Stop() {
	l.mu.Lock()
	was := l.stopped
	l.stopped = true
	l.cancel()
	l.mu.Unlock()
	if was {
		return
	}
	l.tasks.Wait()
	for _, w := range l.watches {
		w.close()
	}
	if l.leasing != nil {
		go l.leasing.conn.Close() // as slow as that of a watch
	}
	l.parent.close()
	if l.routers != nil {
		l.routers.Close()
	}
	l.silence()
}

func (l *Leg) silence() {
	in, err := l.ns.Handle()
	if err != nil || l.link == nil {
		return
	}
	for _, p := range l.at.Addrs {
		_ = in.AddrDel(l.link, kernelAddr(p)) // it may be gone, with all of the namespace
	}
}

// Undo stops the leg and removes it from a namespace that lives on.
func (l *Leg) Undo() error {
	l.Stop()
	return errors.Join(l.remove(), l.store.detachLeg(l.owner.ID, l.ep.IfName))
}

func (l *Leg) warn(format string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.warnings = append(l.warnings, fmt.Sprintf(format, a...))
}

func kernelAddr(p netip.Prefix) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}}
}

// staticAddr is an address that needs no detection of duplicates by the kernel,
// for ours has looked already, or was not wanted. Where it could not look, the
// kernel does once there is a carrier.
func (a *attaching) staticAddr(p netip.Prefix) *netlink.Addr {
	addr := kernelAddr(p)
	if p.Addr().Is6() && (a.probed || a.ep.Probe == 0) {
		addr.Flags = unix.IFA_F_NODAD
	}
	return addr
}
