package network

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mvrun/mvrun/network/acd"
)

// leaving is how long an address may still be answered for by a container that
// has just ended: the kernel takes its namespace apart when it gets to it.
const leaving = time.Second

// probe asks the wire whether the endpoint's addresses are free, all at the
// same time, and opens the sockets that guard them later. It comes after
// link-up and before the first address.
func (l *Leg) probe(ctx context.Context, h host) error {
	if len(l.ep.Addrs) == 0 {
		return nil
	}
	// Also with the probe off: this one the wire will never settle.
	if err := h.hostHas(l.used.link, singles(l.ep.Addrs)); err != nil {
		return fmt.Errorf("%w: choose another --ip", err)
	}
	for _, p := range l.ep.Addrs {
		w, err := l.watch(p.Addr())
		if err != nil {
			return err
		}
		l.add(w)
	}
	// The sub-interface of the eBPF driver always has a carrier: the parent
	// tells whether anybody could answer.
	if l.ep.Probe == 0 || !carrier(l.used.parent) {
		return nil
	}
	var wg sync.WaitGroup
	errs := make([]error, len(l.watches))
	for i, w := range l.watches {
		wg.Go(func() { errs[i] = l.mustBeFree(ctx, w) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	l.probed = len(l.warnings) == 0
	return nil
}

func (l *Leg) mustBeFree(ctx context.Context, w *watch) error {
	r, err := askPatiently(ctx, w, l.ep.Probe)
	switch {
	case err != nil:
		return err
	case r.State == acd.Taken:
		return l.takenError(w.claim.Addr, r.MAC.String())
	case r.State == acd.NoPath:
		l.warn("address %s could not be probed: %s has no carrier", w.claim.Addr, l.ep.Segment)
	}
	return nil
}

// askPatiently probes, and again for a while if it is a virtual machine's or a
// container's MAC address that answers (locally administered): it may be one
// that is just being taken apart, here or on another host.
func askPatiently(ctx context.Context, w *watch, window time.Duration) (acd.Result, error) {
	begin := time.Now()
	for asked := w.asked; ; asked = (time.Time{}) {
		r, err := acd.ProbeSince(ctx, w.conn, w.claim, window, asked)
		if err != nil || r.State != acd.Taken || r.MAC[0]&2 == 0 || time.Since(begin) > leaving {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// decideProbe reads --conflict-probe, and whether the address is leased.
func (l *leg) decideProbe() (err error) {
	l.ep.DHCP = l.IP == DHCP
	l.ep.Probe = acd.DefaultWindow
	if l.Request.Probe != "" {
		l.ep.Probe, err = acd.ParseWindow(l.Request.Probe)
	}
	return err
}

// CheckProbe says what is wrong with a --conflict-probe, before anything else
// is done.
func CheckProbe(s string) error {
	_, err := acd.ParseWindow(s)
	return err
}
