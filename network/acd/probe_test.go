package acd

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mdlayher/arp"
	"golang.org/x/sys/unix"
)

const ms = time.Millisecond

func TestProbe(t *testing.T) {
	answer := arpPacket(t, arp.OperationReply, "172.16.10.10", "0.0.0.0")
	tests := []struct {
		name  string
		claim Claim
		set   func(*fakeConn, *wire)
		want  Result
		took  time.Duration
		sent  []time.Duration
	}{
		{
			"nobody answers", claim4, nil,
			Result{Free, nil},
			30 * ms,
			[]time.Duration{0, 10 * ms, 20 * ms},
		},
		{
			"the owner answers", claim4, func(_ *fakeConn, w *wire) { w.put(t, 1*ms, answer) },
			Result{Taken, otherMAC},
			1 * ms,
			[]time.Duration{0},
		},
		{
			"the owner answers late, to the third", claim4, func(_ *fakeConn, w *wire) { w.put(t, 29*ms, answer) },
			Result{Taken, otherMAC},
			29 * ms,
			[]time.Duration{0, 10 * ms, 20 * ms},
		},
		{
			"another probes too", claim4, func(_ *fakeConn, w *wire) { w.put(t, 12*ms, mustDialect(t, rival4).probe.payload) },
			Result{Taken, otherMAC},
			12 * ms,
			[]time.Duration{0, 10 * ms},
		},
		{
			"somebody only looks for the address", claim4,
			func(_ *fakeConn, w *wire) {
				w.put(t, 5*ms, arpPacket(t, arp.OperationRequest, "172.16.10.99", "172.16.10.10"))
			},
			Result{Free, nil},
			30 * ms,
			[]time.Duration{0, 10 * ms, 20 * ms},
		},
		{
			"IPv6, the owner answers", claim6, func(_ *fakeConn, w *wire) { w.put(t, 3*ms, mustDialect(t, rival6).announcement.payload) },
			Result{Taken, otherMAC},
			3 * ms,
			[]time.Duration{0},
		},
		{
			"IPv6, nobody answers", claim6, nil,
			Result{Free, nil},
			30 * ms,
			[]time.Duration{0, 10 * ms, 20 * ms},
		},
		{
			"no carrier", claim4, func(c *fakeConn, _ *wire) { c.down = true },
			Result{NoPath, nil},
			0, nil,
		},
		{
			"the carrier goes meanwhile", claim4, func(c *fakeConn, _ *wire) {
				time.AfterFunc(15*ms, func() { c.mu.Lock(); defer c.mu.Unlock(); c.down = true })
			},
			Result{NoPath, nil},
			30 * ms,
			[]time.Duration{0, 10 * ms, 20 * ms},
		},
		{
			"a driver that can't tell", claim4, func(c *fakeConn, _ *wire) { c.down, c.gone = true, unix.EOPNOTSUPP },
			Result{Free, nil},
			30 * ms,
			[]time.Duration{0, 10 * ms, 20 * ms},
		},
		{
			"interface down", claim4, func(c *fakeConn, _ *wire) { c.sendErr = unix.ENETDOWN },
			Result{NoPath, nil},
			0, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, w := newWire(t)
				if tt.set != nil {
					tt.set(conn, w)
				}
				start := time.Now()
				got, err := Probe(t.Context(), conn, tt.claim, 30*ms)
				if err != nil {
					t.Fatal(err)
				}
				if got.String() != tt.want.String() {
					t.Errorf("Probe = %v, want %v", got, tt.want)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				synctest.Wait()
				if at := w.times(mustDialect(t, tt.claim).probe); !slices.Equal(at, tt.sent) {
					t.Errorf("probes at %v, want %v", at, tt.sent)
				}
			})
		})
	}
}

// Whoever goes on from an Ask sends the other two, and waits for what is left of
// the window. What came in between counts.
func TestProbeSince(t *testing.T) {
	reply := mustDialect(t, rival4).announcement.payload
	for _, tt := range []struct {
		name   string
		ago    time.Duration
		answer bool
		want   State
		took   time.Duration
		sent   []time.Duration
	}{
		{"a moment ago", 4 * ms, false, Free, 26 * ms, []time.Duration{6 * ms, 16 * ms}},
		{"long ago", time.Minute, false, Free, 20 * ms, []time.Duration{0, 10 * ms}},
		{"and answered since", 4 * ms, true, Taken, 0, nil},
		{"and answered long ago", time.Minute, true, Taken, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, w := newWire(t)
				if tt.answer {
					w.put(t, 0, reply)
					synctest.Wait()
				}
				start := time.Now()
				got, err := ProbeSince(t.Context(), &queueConn{conn}, claim4, 30*ms, start.Add(-tt.ago))
				if err != nil || got.State != tt.want {
					t.Errorf("ProbeSince = %v, %v, want %v", got, err, tt.want)
				}
				if took := time.Since(start).Truncate(ms); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				synctest.Wait()
				at := w.times(mustDialect(t, claim4).probe)
				for i := range at {
					at[i] = at[i].Truncate(ms)
				}
				if !slices.Equal(at, tt.sent) {
					t.Errorf("probes at %v, want %v", at, tt.sent)
				}
			})
		})
	}
}

// queueConn has what came in before the deadline also after it, as a real socket.
type queueConn struct{ *fakeConn }

func (c *queueConn) Receive(b []byte) (int, net.HardwareAddr, error) {
	n, from, err := c.fakeConn.Receive(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// A pipe has no queue: look for a writer that waits.
		_ = c.SetReadDeadline(time.Now().Add(time.Nanosecond))
		n, from, err = c.fakeConn.Receive(b)
	}
	return n, from, err
}

// starvedConn is not scheduled during its third Receive until after the
// deadline, as happens on a busy machine.
type starvedConn struct {
	*fakeConn
	calls int
}

func (c *starvedConn) Receive(b []byte) (int, net.HardwareAddr, error) {
	if c.calls++; c.calls == 3 {
		time.Sleep(100 * ms)
		return 0, nil, os.ErrDeadlineExceeded
	}
	return c.fakeConn.Receive(b)
}

// An answer that came in time counts, however late we look.
func TestProbeStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, w := newWire(t)
		w.put(t, 25*ms, mustDialect(t, rival4).announcement.payload)
		got, err := Probe(t.Context(), &starvedConn{fakeConn: conn}, claim4, 30*ms)
		if err != nil || got.State != Taken {
			t.Errorf("Probe = %v, %v, want taken", got, err)
		}
	})
}

func TestProbeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := newWire(t)
		ctx, cancel := context.WithTimeout(t.Context(), 7*ms)
		defer cancel()
		start := time.Now()
		if _, err := Probe(ctx, conn, claim4, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Probe: %v, want the context's error", err)
		}
		if took := time.Since(start); took != 7*ms {
			t.Errorf("took %s, want 7ms", took)
		}
		// The connection is still good.
		if got, err := Probe(t.Context(), conn, claim4, 30*ms); err != nil || got.State != Free {
			t.Errorf("Probe afterwards = %v, %v", got, err)
		}
	})
}

func TestParseWindow(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"30ms", 30 * ms, true},
		{"off", 0, true},
		{"2s", 2 * time.Second, true},
		{"0", 0, false},
		{"1ms", 0, false},
		{"-30ms", 0, false},
		{"1h", 0, false},
		{"30", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		got, err := ParseWindow(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseWindow(%q) = %v, %v", tt.in, got, err)
		}
	}
}
