package acd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sweep is a last look at what came in time. Without it a process that was not
// scheduled until after the deadline would never read the answer that waits.
const sweep = time.Millisecond

// Probe asks the wire whether somebody has the claim's address or is about to
// take it (RFC 5227 2.1.1). A free address takes the whole window, a taken one
// as long as its owner takes to answer. The address must not be configured
// yet. The error is ctx's or the socket's.
func Probe(ctx context.Context, conn Conn, c Claim, window time.Duration) (Result, error) {
	return ProbeSince(ctx, conn, c, window, time.Time{})
}

// ProbeSince is Probe after an Ask by the same socket, perhaps in another process:
// that was the first probe, and the window began with it. With the zero time
// nobody has asked yet.
func ProbeSince(ctx context.Context, conn Conn, c Claim, window time.Duration, asked time.Time) (Result, error) {
	d, err := newDialect(c)
	if err != nil {
		return Result{}, fmt.Errorf("probe %s: %w", c.Addr, err)
	}
	if noCarrier(conn) {
		return Result{State: NoPath}, nil
	}
	release := interruptible(ctx, conn)
	defer release()
	r, err := ask(ctx, conn, d, window, asked)
	switch {
	case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ENOBUFS):
		return Result{State: NoPath}, nil
	case err != nil:
		return Result{}, fmt.Errorf("probe %s: %w", c.Addr, err)
	case r != nil:
		return Result{Taken, r.mac}, nil
	case noCarrier(conn): // it went while we waited, and our probes with it
		return Result{State: NoPath}, nil
	}
	return Result{State: Free}, nil
}

// Ask sends the first probe and does not wait: ProbeSince does.
func Ask(conn Conn, c Claim) error {
	d, err := newDialect(c)
	if err == nil {
		err = conn.Send(d.probe.payload, d.probe.to)
	}
	if err != nil {
		return fmt.Errorf("probe %s: %w", c.Addr, err)
	}
	return nil
}

// ask sends the probes and listens after each; nil if nobody answers. A probe that
// goes out late, for the process was not scheduled, has its whole share of the
// window all the same.
func ask(ctx context.Context, conn Conn, d dialect, window time.Duration, asked time.Time) (*rival, error) {
	next := asked
	for i := range probeNum {
		if i > 0 || asked.IsZero() {
			if err := conn.Send(d.probe.payload, d.probe.to); err != nil {
				return nil, err
			}
			if now := time.Now(); now.Sub(next) > sweep {
				next = now
			}
		}
		next = next.Add(window / probeNum)
		until := next
		if i == probeNum-1 {
			until = next.Add(-sweep)
		}
		if r, err := hear(ctx, conn, d, until); r != nil || err != nil {
			return r, err
		}
	}
	return hear(ctx, conn, d, time.Now().Add(sweep))
}

// hear listens until then.
func hear(ctx context.Context, conn Conn, d dialect, until time.Time) (*rival, error) {
	if err := conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	b := make([]byte, packetSize)
	for {
		// After SetReadDeadline, or the interrupt could be overwritten.
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, from, err := conn.Receive(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if r, ok := d.read(b[:n], from); ok {
			return &r, nil
		}
	}
}

// packetSize is enough for an advertisement with many options; what a longer
// packet says stands in its beginning.
const packetSize = 512

// interruptible lets the end of ctx wake a waiting Receive. The release leaves
// the connection without a deadline.
func interruptible(ctx context.Context, conn Conn) (release func()) {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		conn.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-fired
		}
		conn.SetReadDeadline(time.Time{})
	}
}

func noCarrier(conn Conn) bool {
	up, err := conn.Carrier()
	return err == nil && !up
}

// leaving is how long an address may still be answered for by a container that
// has just ended: the kernel takes its namespace apart when it gets to it.
const leaving = time.Second

// ProbePatiently is ProbeSince, repeated for a while if it is a virtual machine's
// or a container's MAC address that answers (locally administered): it may be one
// that is just being taken apart, here or on another host.
func ProbePatiently(ctx context.Context, conn Conn, c Claim, window time.Duration, asked time.Time) (Result, error) {
	begin := time.Now()
	for ; ; asked = (time.Time{}) {
		r, err := ProbeSince(ctx, conn, c, window, asked)
		if err != nil || r.State != Taken || r.MAC[0]&2 == 0 || time.Since(begin) > leaving {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
