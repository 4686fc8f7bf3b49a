package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network/acd"
)

// watch is one address of a leg on the wire: the socket that probes for it, and
// the task that announces it once it is in use.
type watch struct {
	claim acd.Claim
	conn  *acd.Socket
	asked time.Time // when its first probe was sent; zero: not yet
	task  announcer
	ctx   context.Context
	stop  context.CancelFunc
}

// announcer is the task behind an address: an *acd.Guard, or a herald where no
// conflict shall be looked for.
type announcer interface {
	Run(ctx context.Context) error
	Announce()
}

// watch opens the socket for an address that is to be probed, then used.
func (l *Leg) watch(addr netip.Addr) (*watch, error) {
	w := &watch{claim: acd.Claim{Addr: addr, MAC: l.link.Attrs().HardwareAddr}}
	var err error
	if w.conn, w.asked = l.asked(w.claim); w.conn == nil {
		w.conn, err = l.listen(w.claim)
	}
	if err != nil {
		return nil, err
	}
	if l.ep.Probe == 0 {
		w.task = newHerald(w.conn, w.claim)
	} else if w.task, err = acd.NewGuard(w.conn, w.claim, func(c acd.Conflict) { l.conflict(c) }); err != nil {
		w.close()
		return nil, err
	}
	w.ctx, w.stop = context.WithCancel(l.ctx)
	return w, nil
}

// listen opens the socket of a claim where its answers come in.
func (a *attaching) listen(c acd.Claim) (*acd.Socket, error) {
	netns := int(a.ns.File().Fd())
	if a.ep.Mode == l2 {
		netns = 0
	}
	return acd.Listen(netns, a.wire(), c)
}

// wire is the interface that the leg's probes go out on. With ipvlan that is the
// one below: answers go to the MAC address alone, and the kernel has them for that
// as long as no ipvlan has the address.
func (a *attaching) wire() int {
	if a.ep.Mode == l2 {
		return a.used.link.Attrs().Index
	}
	return a.link.Attrs().Index
}

// close is for when the task has ended. Nobody waits for the kernel's 10 ms.
func (w *watch) close() {
	if w.stop != nil {
		w.stop()
	}
	go w.conn.Close()
}

// add puts a watch among the leg's; on a leg that was started it begins at once.
func (l *Leg) add(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watches = append(l.watches, w)
	if l.started && !l.stopped {
		l.begin(w)
	}
}

// herald announces an address and heeds nobody: what is left of a guard with
// the conflict probe off.
type herald struct {
	conn  acd.Conn
	claim acd.Claim
	again chan struct{}
}

func newHerald(conn acd.Conn, c acd.Claim) *herald { return &herald{conn, c, make(chan struct{}, 1)} }

// Announce asks Run for another round. It never blocks.
func (h *herald) Announce() {
	select {
	case h.again <- struct{}{}:
	default:
	}
}

// Run announces until ctx ends or the interface is gone.
func (h *herald) Run(ctx context.Context) error {
	for {
		// An error is that of a link that is down: its return brings an Announce.
		if err := acd.Announce(ctx, h.conn, h.claim); errors.Is(err, acd.ErrLinkGone) {
			return fmt.Errorf("announce: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.again:
		}
	}
}
