package acd

import (
	"context"
	"fmt"
	"time"
)

// Guard is the task that announces an address in use and defends it.
type Guard struct {
	conn     Conn
	claim    Claim
	dialect  dialect
	report   func(Conflict)
	announce chan struct{}
}

// NewGuard returns a guard that is yet to Run. report is called by Run for
// every conflict defended, and once in ten seconds for one that is not won; it
// must not block for long. conn is used by this guard alone from now on, and
// closed by the caller.
func NewGuard(conn Conn, c Claim, report func(Conflict)) (*Guard, error) {
	d, err := newDialect(c)
	if err != nil {
		return nil, fmt.Errorf("guard %s: %w", c.Addr, err)
	}
	return &Guard{conn, c, d, report, make(chan struct{}, 1)}, nil
}

func (g *Guard) String() string { return "guard of " + g.claim.Addr.String() }

// Announce asks Run for another round of announcements, as is right when the
// carrier has come back. It never blocks and may come before Run.
func (g *Guard) Announce() {
	select {
	case g.announce <- struct{}{}:
	default: // one is asked for already
	}
}

// Run announces the address and then listens (RFC 5227 2.3, 2.4) until ctx
// ends, which is not an error, or the interface is gone (ErrLinkGone). A link
// that goes down and comes back is waited for.
func (g *Guard) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	release := interruptible(ctx, g.conn)
	rivals, failed := make(chan rival), make(chan error, 1)
	go func() { failed <- g.listen(ctx, rivals) }()
	err := g.keep(ctx, rivals, failed)
	cancel()
	for range rivals { // until listen has closed it, or it would use conn after us
	}
	release()
	return err
}

func (g *Guard) keep(ctx context.Context, rivals <-chan rival, failed <-chan error) error {
	var d defence
	left, timer := announceNum, time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("guard %s: %w", g.claim.Addr, err)
		case <-g.announce:
			left = announceNum
			timer.Reset(0)
		case <-timer.C:
			g.send()
			if left--; left > 0 {
				timer.Reset(announceInterval)
			}
		case r, ok := <-rivals:
			if !ok {
				rivals = nil // failed says why
				continue
			}
			g.meet(&d, r, time.Now())
		}
	}
}

func (g *Guard) meet(d *defence, r rival, now time.Time) {
	act := d.decide(now)
	if act == defend {
		g.send()
	}
	if act != ignore {
		g.report(Conflict{g.claim, r.mac, now, act == defend})
	}
}

// send puts an announcement on the wire. An error is dropped on purpose: it
// means that the link is down, and its return brings an Announce.
func (g *Guard) send() { _ = g.conn.Send(g.dialect.announcement.payload, g.dialect.announcement.to) }

// listen passes on those who use the address; those who only probe for it get
// their answer from the kernel.
func (g *Guard) listen(ctx context.Context, rivals chan<- rival) error {
	defer close(rivals)
	b := make([]byte, packetSize)
	for {
		n, from, err := g.conn.Receive(b)
		if err != nil {
			return err
		}
		r, ok := g.dialect.read(b[:n], from)
		if !ok || r.probing {
			continue
		}
		select {
		case rivals <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
