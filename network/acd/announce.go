package acd

import (
	"context"
	"fmt"
	"time"
)

// Announce tells the segment that the address is ours now, so that neighbours
// drop what they remember of an earlier owner: two announcements, two seconds
// apart (RFC 5227 2.3). The first is out at once; Announce returns after the
// second, or when ctx ends, which is not an error. Where a Guard runs, it
// announces.
func Announce(ctx context.Context, conn Conn, c Claim) error {
	d, err := newDialect(c)
	if err != nil {
		return fmt.Errorf("announce %s: %w", c.Addr, err)
	}
	for i := range announceNum {
		if i > 0 && !sleep(ctx, announceInterval) {
			return nil
		}
		if err := conn.Send(d.announcement.payload, d.announcement.to); err != nil {
			return fmt.Errorf("announce %s: %w", c.Addr, err)
		}
	}
	return nil
}

// sleep is false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
