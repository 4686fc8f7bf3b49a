package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network/acd"
	"github.com/mvrun/mvrun/network/trunk"
)

// addressTask is one address of an endpoint on the wire: the socket that probes
// for it, and the task that announces it once it is in use.
type addressTask struct {
	claim acd.Claim
	conn  *acd.Socket
	asked time.Time // when its first probe was sent; zero: not yet
	task  announcer
	ctx   context.Context
	stop  context.CancelFunc
}

// announcer is the task behind an address: an *acd.Guard, or an unguarded where
// no conflict shall be looked for.
type announcer interface {
	Run(ctx context.Context) error
	Announce()
}

// openAddress opens the socket for an address that is to be probed, then used.
func (l *Attached) openAddress(addr netip.Addr) (*addressTask, error) {
	w := &addressTask{claim: acd.Claim{Addr: addr, MAC: l.dev.link.Attrs().HardwareAddr}}
	var err error
	if p := l.dev.prepared; p != nil {
		w.conn, w.asked = p.TakeQuestion(l.dev.ep.IfName, w.claim, l.dev.wire())
	}
	if w.conn == nil {
		w.conn, err = l.dev.listen(w.claim)
	}
	if err != nil {
		return nil, err
	}
	if l.dev.ep.Probe == 0 {
		w.task = newUnguarded(w.conn, w.claim)
	} else if w.task, err = acd.NewGuard(w.conn, w.claim, func(c acd.Conflict) { l.conflict(c) }); err != nil {
		w.close()
		return nil, err
	}
	w.ctx, w.stop = context.WithCancel(l.ctx)
	return w, nil
}

// listen opens the socket of a claim where its answers come in.
func (d *device) listen(c acd.Claim) (*acd.Socket, error) {
	netns := int(d.ns.File().Fd())
	if trunk.DriverOf(d.ep.Mode).AsksFromBelow() {
		netns = 0
	}
	return acd.Listen(netns, d.wire(), c)
}

// wire is the interface that questions about the endpoint's addresses go out on,
// and answers come in.
func (d *device) wire() int {
	if trunk.DriverOf(d.ep.Mode).AsksFromBelow() {
		return d.lower.Link.Attrs().Index
	}
	return d.link.Attrs().Index
}

// close is for when the task has ended. Nobody waits for the kernel's 10 ms.
func (w *addressTask) close() {
	if w.stop != nil {
		w.stop()
	}
	go w.conn.Close()
}

// add puts a task among the endpoint's; on one that was started it begins at once.
func (l *Attached) add(w *addressTask) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addrs = append(l.addrs, w)
	if l.started && !l.stopped {
		l.startTask(w)
	}
}

// unguarded announces an address and looks for no conflict.
type unguarded struct {
	conn  acd.Conn
	claim acd.Claim
	again chan struct{}
}

func newUnguarded(conn acd.Conn, c acd.Claim) *unguarded {
	return &unguarded{conn: conn, claim: c, again: make(chan struct{}, 1)}
}

// Announce asks Run for another round. It never blocks.
func (u *unguarded) Announce() {
	select {
	case u.again <- struct{}{}:
	default:
	}
}

// Run announces until ctx ends or the interface is gone.
func (u *unguarded) Run(ctx context.Context) error {
	for {
		// An error is that of a link that is down: its return brings an Announce.
		if err := acd.Announce(ctx, u.conn, u.claim); errors.Is(err, acd.ErrLinkGone) {
			return fmt.Errorf("announce: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-u.again:
		}
	}
}
