package endpoint

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

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
)

// Hooks are told what happens to an endpoint; each may be nil. They are called
// from the endpoint's own goroutines and must not block for long, nor call Stop.
type Hooks struct {
	Conflict func(network.Conflict)
	// ParentGone is told that the parent was deleted, or can't be watched.
	ParentGone func()
	// Addrs is told when the endpoint's addresses by SLAAC have changed. err says
	// what did not follow.
	Addrs func(err error)
	// Lease is told of every change of a DHCP lease, the first one before
	// Attach returns. err says that it could not be applied.
	Lease    func(leg *Attached, e dhcp.Event, err error)
	Prior    *dhcp.Lease // of the endpoint's run before
	Prepared Prepared    // what another process has begun in the namespace; nil: nothing
}

// Attached is an endpoint that stands in a container's namespace, with the tasks
// that keep it: guards of its addresses, and its lease.
type Attached struct {
	dev     *device
	manager *Manager
	owner   network.Owner
	hooks   Hooks

	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	parent  *parentWatch
	routers *socket.Conn // nil without SLAAC

	mu        sync.Mutex
	at        network.Attachment
	warnings  []string
	addrs     []*addressTask
	isDefault bool // has the default route
	probed    bool // nobody on the LAN has the addresses
	started   bool
	stopped   bool
	leasing   *leasing // nil without DHCP
}

func newAttached(m *Manager, d *device, owner network.Owner, hooks Hooks) *Attached {
	l := &Attached{dev: d, manager: m, owner: owner, hooks: hooks, isDefault: d.ep.Default}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Attachment is the endpoint as it stands now.
func (l *Attached) Attachment() network.Attachment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

// Start announces the endpoint's addresses and guards them from now on. It is for
// the moment when the container runs.
func (l *Attached) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.started {
		return
	}
	l.started = true
	for _, w := range l.addrs {
		l.startTask(w)
	}
	l.tasks.Go(l.followParent)
	if l.routers != nil {
		l.tasks.Go(l.followRouters)
	}
}

// followParent stays with the parent until one of them ends.
func (l *Attached) followParent() {
	l.parent.run(l.ctx, l.announce)
	if l.ctx.Err() == nil && l.hooks.ParentGone != nil {
		l.hooks.ParentGone()
	}
}

// startTask runs the task of an address, under the lock.
func (l *Attached) startTask(w *addressTask) {
	l.tasks.Go(func() { _ = w.task.Run(w.ctx) }) // it ends with the link, of whose end others tell
}

// announce has all the addresses announced again.
func (l *Attached) announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.addrs {
		w.task.Announce()
	}
}

// Stop ends the endpoint's tasks and takes its addresses away: the kernel needs a
// while for a namespace without processes, and until then would answer for
// addresses that others may have then. A lease is not given back. Idempotent.
func (l *Attached) Stop() {
	l.mu.Lock()
	was := l.stopped
	l.stopped = true
	l.cancel()
	l.mu.Unlock()
	if was {
		return
	}
	l.tasks.Wait()
	for _, w := range l.addrs {
		w.close()
	}
	if l.leasing != nil {
		go l.leasing.conn.Close() // the kernel takes 10 ms for it
	}
	l.parent.close()
	if l.routers != nil {
		l.routers.Close()
	}
	l.removeAddresses()
}

func (l *Attached) removeAddresses() {
	in, err := l.dev.ns.Handle()
	if err != nil || l.dev.link == nil {
		return
	}
	for _, p := range l.at.Addrs {
		_ = in.AddrDel(l.dev.link, kernelAddr(p)) // it may be gone, with all of the namespace
	}
}

// Undo stops the endpoint and removes it from a namespace that lives on.
func (l *Attached) Undo() error {
	l.Stop()
	return errors.Join(l.dev.remove(), l.manager.detachOne(l.owner.ID, l.dev.ep.IfName))
}

func (l *Attached) warn(format string, a ...any) {
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
func (l *Attached) staticAddr(p netip.Prefix) *netlink.Addr {
	addr := kernelAddr(p)
	if p.Addr().Is6() && (l.probed || l.dev.ep.Probe == 0) {
		addr.Flags = unix.IFA_F_NODAD
	}
	return addr
}
