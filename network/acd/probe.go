package acd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Probe asks the wire whether somebody has the claim's address or is about to
// take it (RFC 5227 2.1.1). A free address takes the whole window, a taken one
// as long as its owner takes to answer. The address must not be configured
// yet. The error is ctx's or the socket's.
func Probe(ctx context.Context, conn Conn, c Claim, window time.Duration) (Result, error) {
	d, err := newDialect(c)
	if err != nil {
		return Result{}, fmt.Errorf("probe %s: %w", c.Addr, err)
	}
	if noCarrier(conn) {
		return Result{State: NoPath}, nil
	}
	release := interruptible(ctx, conn)
	defer release()
	start := time.Now()
	for i := range probeNum {
		r, err := ask(ctx, conn, d, start.Add(window*time.Duration(i+1)/probeNum))
		if errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENOBUFS) {
			return Result{State: NoPath}, nil
		}
		if err != nil {
			return Result{}, fmt.Errorf("probe %s: %w", c.Addr, err)
		}
		if r != nil {
			return Result{Taken, r.mac}, nil
		}
	}
	if noCarrier(conn) { // it went while we waited, and our probes with it
		return Result{State: NoPath}, nil
	}
	return Result{State: Free}, nil
}

// ask sends one probe and listens until the deadline; nil if nobody answers.
func ask(ctx context.Context, conn Conn, d dialect, deadline time.Time) (*rival, error) {
	if err := conn.Send(d.probe.payload, d.probe.to); err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(deadline); err != nil {
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
