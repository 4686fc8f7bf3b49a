package acd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestDefence(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name string
		at   []time.Duration
		want []action
	}{
		{"one", []time.Duration{0}, []action{defend}},
		{"insisting", []time.Duration{0, 1 * s}, []action{defend, giveUp}},
		{"flood", []time.Duration{0, 1 * s, 2 * s, 9 * s}, []action{defend, giveUp, ignore, ignore}},
		{"again after the interval", []time.Duration{0, 10 * s}, []action{defend, defend}},
		{"just before it", []time.Duration{0, 10*s - 1}, []action{defend, giveUp}},
		{"a second round", []time.Duration{0, 1 * s, 10 * s, 11 * s}, []action{defend, giveUp, defend, giveUp}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d defence
			start := time.Now()
			var got []action
			for _, at := range tt.at {
				got = append(got, d.decide(start.Add(at)))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// runGuard runs a guard until the test's time is over, and returns when it
// announced and what it reported.
func runGuard(t *testing.T, c Claim, d time.Duration, set func(*Guard, *wire)) (announced []time.Duration, reports []string) {
	conn, w := newWire(t)
	start := time.Now()
	g, err := NewGuard(conn, c, func(c Conflict) {
		reports = append(reports, fmt.Sprintf("%s %s defended=%v", c.Time.Sub(start), c.MAC, c.Defended))
	})
	if err != nil {
		t.Fatal(err)
	}
	if set != nil {
		set(g, w)
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := g.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
	synctest.Wait()
	return w.times(g.dialect.announcement), reports
}

func TestGuard(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name      string
		claim     Claim
		set       func(*testing.T, *Guard, *wire)
		announced []time.Duration
		reports   []string
	}{
		{"quiet", claim4, nil, []time.Duration{0, 2 * s}, nil},
		{"quiet, IPv6", claim6, nil, []time.Duration{0, 2 * s}, nil},
		{
			"another starts to use the address", claim4,
			func(t *testing.T, _ *Guard, w *wire) { w.put(t, 5*s, mustDialect(t, rival4).announcement.payload) },
			[]time.Duration{0, 2 * s, 5 * s},
			[]string{"5s 02:00:00:00:00:02 defended=true"},
		},
		{
			"and insists", claim4,
			func(t *testing.T, _ *Guard, w *wire) {
				for _, at := range []time.Duration{5 * s, 7 * s, 8 * s, 9 * s} {
					w.put(t, at, mustDialect(t, rival4).announcement.payload)
				}
			},
			[]time.Duration{0, 2 * s, 5 * s},
			[]string{"5s 02:00:00:00:00:02 defended=true", "7s 02:00:00:00:00:02 defended=false"},
		},
		{
			"IPv6", claim6,
			func(t *testing.T, _ *Guard, w *wire) {
				w.put(t, 5*s, mustDialect(t, rival6).announcement.payload)
				w.put(t, 6*s, mustDialect(t, rival6).announcement.payload)
			},
			[]time.Duration{0, 2 * s, 5 * s},
			[]string{"5s 02:00:00:00:00:02 defended=true", "6s 02:00:00:00:00:02 defended=false"},
		},
		{
			"another only probes: the kernel answers", claim4,
			func(t *testing.T, _ *Guard, w *wire) { w.put(t, 5*s, mustDialect(t, rival4).probe.payload) },
			[]time.Duration{0, 2 * s},
			nil,
		},
		{
			"the carrier came back", claim4,
			func(_ *testing.T, g *Guard, _ *wire) { time.AfterFunc(5*s, g.Announce) },
			[]time.Duration{0, 2 * s, 5 * s, 7 * s},
			nil,
		},
		{
			"the carrier flaps: a round begins anew", claim4,
			func(_ *testing.T, g *Guard, _ *wire) {
				time.AfterFunc(5*s, g.Announce)
				time.AfterFunc(6*s, g.Announce)
			},
			[]time.Duration{0, 2 * s, 5 * s, 6 * s, 8 * s},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				announced, reports := runGuard(t, tt.claim, time.Minute, func(g *Guard, w *wire) {
					if tt.set != nil {
						tt.set(t, g, w)
					}
				})
				if !slices.Equal(announced, tt.announced) {
					t.Errorf("announced at %v, want %v", announced, tt.announced)
				}
				if !slices.Equal(reports, tt.reports) {
					t.Errorf("reported %q, want %q", reports, tt.reports)
				}
			})
		})
	}
}

func TestGuardLinkGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := newWire(t)
		g, err := NewGuard(goneConn{conn}, claim4, func(Conflict) { t.Error("a conflict") })
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Run(t.Context()); !errors.Is(err, ErrLinkGone) {
			t.Errorf("Run: %v, want ErrLinkGone", err)
		}
	})
}

type goneConn struct{ *fakeConn }

func (goneConn) Receive([]byte) (int, net.HardwareAddr, error) { return 0, nil, ErrLinkGone }

func TestAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, w := newWire(t)
		if err := Announce(t.Context(), conn, claim4); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []time.Duration{0, 2 * time.Second}
		if got := w.times(mustDialect(t, claim4).announcement); !slices.Equal(got, want) {
			t.Errorf("announced at %v, want %v", got, want)
		}
	})
}
