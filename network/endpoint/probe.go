package endpoint

import (
	"context"
	"sync"

	"github.com/mvrun/mvrun/network/acd"
	"github.com/mvrun/mvrun/network/trunk"
)

// probe asks the wire whether the endpoint's addresses are free, all at the
// same time, and opens the sockets that guard them later. It comes after
// link-up and before the first address.
func (l *Attached) probe(ctx context.Context, h trunk.Handle) error {
	if len(l.dev.ep.Addrs) == 0 {
		return nil
	}
	// Also with the probe off: this one the wire will never settle.
	if err := h.RefuseHosts(l.dev.lower.Link, singles(l.dev.ep.Addrs)); err != nil {
		return err
	}
	for _, p := range l.dev.ep.Addrs {
		w, err := l.openAddress(p.Addr())
		if err != nil {
			return err
		}
		l.add(w)
	}
	// The sub-interface of the eBPF driver always has a carrier: the parent
	// tells whether anybody could answer.
	if l.dev.ep.Probe == 0 || !trunk.HasCarrier(l.dev.lower.Parent) {
		return nil
	}
	var wg sync.WaitGroup
	errs := make([]error, len(l.addrs))
	for i, w := range l.addrs {
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

func (l *Attached) mustBeFree(ctx context.Context, w *addressTask) error {
	r, err := acd.ProbePatiently(ctx, w.conn, w.claim, l.dev.ep.Probe, w.asked)
	switch {
	case err != nil:
		return err
	case r.State == acd.Taken:
		return l.takenError(w.claim.Addr, r.MAC.String())
	case r.State == acd.NoPath:
		l.warn("address %s could not be probed: %s has no carrier", w.claim.Addr, l.dev.ep.Segment)
	}
	return nil
}
