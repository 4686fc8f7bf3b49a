package acd

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/internal/testlan"
)

// The tests of this file put real packets on real links. "trunk" is where a
// host's containers hang, "lan" the other end of the cable.

// newLAN is a container with a macvlan on a trunk, and a neighbour on the LAN
// that has 172.16.10.10 and fd00::10. The container's interface has no address.
func newLAN(t *testing.T) (container, trunk, neighbour *testlan.Host) {
	container, trunk, neighbour = testlan.NewHost(t), testlan.NewHost(t), testlan.NewHost(t)
	testlan.Cable(trunk, "trunk", neighbour, "lan")
	neighbour.Addr("lan", "172.16.10.10/24")
	neighbour.Addr("lan", "fd00::10/64")
	trunk.Macvlan("trunk", container, "eth0")
	return container, trunk, neighbour
}

func listen(t *testing.T, h *testlan.Host, name string, addr netip.Addr) (*Socket, Claim) {
	t.Helper()
	c := Claim{addr, h.MAC(name)}
	s, err := Listen(h.FD(), h.Index(name), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, c
}

func probe(t *testing.T, h *testlan.Host, name, addr string) Result {
	t.Helper()
	s, c := listen(t, h, name, netip.MustParseAddr(addr))
	r, err := Probe(t.Context(), s, c, DefaultWindow)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWireProbe(t *testing.T) {
	container, trunk, neighbour := newLAN(t)
	sibling := testlan.NewHost(t)
	trunk.Macvlan("trunk", sibling, "eth0")
	sibling.Addr("eth0", "172.16.10.20/24")
	sibling.Addr("eth0", "fd00::20/64")
	for addr, want := range map[string]Result{
		"172.16.10.10": {Taken, neighbour.MAC("lan")},
		"172.16.10.20": {Taken, sibling.MAC("eth0")},
		"172.16.10.30": {Free, nil},
		"fd00::10":     {Taken, neighbour.MAC("lan")},
		"fd00::20":     {Taken, sibling.MAC("eth0")},
		"fd00::30":     {Free, nil},
	} {
		if got := probe(t, container, "eth0", addr); got.String() != want.String() {
			t.Errorf("probe of %s = %v, want %v", addr, got, want)
		}
	}
}

// A question that one process has asked, another one hears the answer to, also if
// it came before it listened.
func TestWireHandover(t *testing.T) {
	container, _, neighbour := newLAN(t)
	for addr, want := range map[string]Result{
		"172.16.10.10": {Taken, neighbour.MAC("lan")},
		"172.16.10.30": {Free, nil},
		"fd00::10":     {Taken, neighbour.MAC("lan")},
		"fd00::30":     {Free, nil},
	} {
		first, c := listen(t, container, "eth0", netip.MustParseAddr(addr))
		if err := Ask(first, c); err != nil {
			t.Fatal(err)
		}
		f, err := first.File()
		if err != nil {
			t.Fatal(err)
		}
		first.Close()
		time.Sleep(5 * time.Millisecond)
		second, err := Adopt(f, container.Index("eth0"), c)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		// Asked so long ago that nothing which is sent now is waited for.
		got, err := ProbeSince(t.Context(), second, c, 30*time.Millisecond, time.Now().Add(-time.Minute))
		second.Close()
		if err != nil || got.String() != want.String() {
			t.Errorf("probe of %s, handed over = %v, %v, want %v", addr, got, err, want)
		}
	}
}

// Two hosts that start at once with the same address must not both get it.
func TestWireProbeTogether(t *testing.T) {
	container, _, neighbour := newLAN(t)
	for _, addr := range []string{"172.16.10.30", "fd00::30"} {
		var results [2]Result
		var wg sync.WaitGroup
		one, oneClaim := listen(t, container, "eth0", netip.MustParseAddr(addr))
		two, twoClaim := listen(t, neighbour, "lan", netip.MustParseAddr(addr))
		start := func(i int, s *Socket, c Claim) {
			wg.Go(func() {
				var err error
				if results[i], err = Probe(t.Context(), s, c, 2*time.Second); err != nil {
					t.Error(err)
				}
			})
		}
		start(0, one, oneClaim)
		start(1, two, twoClaim)
		wg.Wait()
		if results[0].State != Taken || results[1].State != Taken {
			t.Errorf("%s: found %v and %v, want both taken", addr, results[0], results[1])
		}
	}
}

func TestWireNoCarrier(t *testing.T) {
	container, trunk, neighbour := newLAN(t)
	neighbour.Down("lan")
	if got := probe(t, container, "eth0", "172.16.10.10"); got.State != NoPath {
		t.Errorf("probe without carrier = %v", got)
	}
	// One that never had a carrier: the kernel has not noticed it yet.
	fresh := testlan.NewHost(t)
	trunk.Macvlan("trunk", fresh, "eth0")
	if got := probe(t, fresh, "eth0", "172.16.10.10"); got.State != NoPath {
		t.Errorf("probe of a new link without carrier = %v", got)
	}
	neighbour.Up("lan")
	// The macvlan follows its parent when the kernel's linkwatch gets to it, which it
	// does about once a second.
	got := probe(t, container, "eth0", "172.16.10.10")
	for deadline := time.Now().Add(10 * time.Second); got.State == NoPath && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
		got = probe(t, container, "eth0", "172.16.10.10")
	}
	if got.State != Taken {
		t.Errorf("probe with the carrier back = %v", got)
	}
	container.Down("eth0")
	if got := probe(t, container, "eth0", "172.16.10.10"); got.State != NoPath {
		t.Errorf("probe on a link that is down = %v", got)
	}
}

// An announcement must reach the caches that users wait minutes for.
func TestWireAnnounce(t *testing.T) {
	container, _, neighbour := newLAN(t)
	stale := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
	for _, addr := range []string{"172.16.10.30", "fd00::30"} {
		s, c := listen(t, container, "eth0", netip.MustParseAddr(addr))
		entry := &netlink.Neigh{
			LinkIndex: neighbour.Index("lan"), IP: c.Addr.AsSlice(), HardwareAddr: stale, State: netlink.NUD_STALE,
		}
		if err := neighbour.Handle.NeighSet(entry); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the first announcement goes out all the same
		if err := Announce(ctx, s, c); err != nil {
			t.Fatal(err)
		}
		eventually(t, addr+" has our hardware address in the neighbour's cache", func() bool {
			entries, err := neighbour.Handle.NeighList(neighbour.Index("lan"), 0)
			for _, e := range entries {
				if e.IP.Equal(entry.IP) {
					return e.HardwareAddr.String() == c.MAC.String()
				}
			}
			return err != nil
		})
	}
}

func TestWireGuard(t *testing.T) {
	for _, addr := range []string{"172.16.10.30", "fd00::30"} {
		t.Run(addr, func(t *testing.T) {
			container, _, neighbour := newLAN(t)
			s, c := listen(t, container, "eth0", netip.MustParseAddr(addr))
			conflicts := make(chan Conflict, 10)
			g, err := NewGuard(s, c, func(c Conflict) { conflicts <- c })
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- g.Run(t.Context()) }()

			// What the guard says is heard by one who claims the same.
			thief, stolen := listen(t, neighbour, "lan", c.Addr)
			wantRivalOnWire(t, thief, stolen, "the announcement at start")
			for _, defended := range []bool{true, false} {
				d := mustDialect(t, stolen)
				if err := thief.Send(d.announcement.payload, d.announcement.to); err != nil {
					t.Fatal(err)
				}
				select {
				case got := <-conflicts:
					if got.Defended != defended || got.MAC.String() != stolen.MAC.String() {
						t.Errorf("conflict %v, want defended=%v", got, defended)
					}
				case <-time.After(5 * time.Second):
					t.Fatal("no conflict was reported")
				}
				if defended {
					wantRivalOnWire(t, thief, stolen, "the defence")
				}
			}

			// A link that went down and came back is still guarded, one that is
			// removed ends the task.
			container.Down("eth0")
			container.Up("eth0")
			g.Announce()
			wantRivalOnWire(t, thief, stolen, "the announcement after the link came back")
			if err := container.Handle.LinkDel(container.Link("eth0")); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-done:
				if !errors.Is(err, ErrLinkGone) {
					t.Errorf("Run: %v, want ErrLinkGone", err)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("Run did not notice that the interface is gone")
			}
		})
	}
}

// wantRivalOnWire waits for a packet that contests the claim.
func wantRivalOnWire(t *testing.T, s *Socket, c Claim, what string) {
	t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, packetSize)
	n, from, err := s.Receive(b)
	if err != nil {
		t.Fatalf("%s was not on the wire: %v", what, err)
	}
	if r, ok := mustDialect(t, c).read(b[:n], from); !ok || r.probing {
		t.Fatalf("%s: got %x", what, b[:n])
	}
}

// What came before the deadline is heard after it: a probe of 30 ms on a busy
// machine may not be scheduled for longer than that.
func TestWireLateLook(t *testing.T) {
	container, _, neighbour := newLAN(t)
	s, c := listen(t, container, "eth0", netip.MustParseAddr("172.16.10.30"))
	other, rival := listen(t, neighbour, "lan", c.Addr)
	sendAll(t, other, mustDialect(t, rival).announcement)
	wantRivalOnWire(t, s, c, "an announcement")
	sendAll(t, other, mustDialect(t, rival).announcement)
	time.Sleep(50 * time.Millisecond) // it is there
	if err := s.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, packetSize)
	if n, _, err := s.Receive(b); err != nil || n == 0 {
		t.Errorf("a packet that came in time: %d bytes, %v", n, err)
	}
	if n, _, err := s.Receive(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing more came: %d bytes, %v", n, err)
	}
}

// The filter keeps a busy LAN from waking the process: nothing but what
// contests the address arrives, not even the guard's own packets.
func TestWireFilter(t *testing.T) {
	container, _, neighbour := newLAN(t)
	for _, addr := range []string{"172.16.10.30", "fd00::30"} {
		s, c := listen(t, container, "eth0", netip.MustParseAddr(addr))
		noise, _ := listen(t, neighbour, "lan", c.Addr)
		own := mustDialect(t, c)
		for i := range 50 {
			sendAll(t, s, own.probe, own.announcement)
			busy := c.Addr
			for range i + 1 {
				busy = busy.Next()
			}
			d := mustDialect(t, Claim{busy, neighbour.MAC("lan")})
			sendAll(t, noise, d.probe, d.announcement)
			if c.Addr.Is4() {
				sendAll(t, noise, own.announcement) // our own, looped back by a hairpin
			}
		}
		if err := s.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, packetSize)
		n, _, err := s.Receive(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: woken by %x, %v", addr, b[:n], err)
		}
	}
}

func sendAll(t *testing.T, s *Socket, frames ...frame) {
	t.Helper()
	for _, f := range frames {
		if err := s.Send(f.payload, f.to); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWireDAD(t *testing.T) {
	container, _, neighbour := newLAN(t)
	add := func(addr string) {
		t.Helper()
		a, err := netlink.ParseAddr(addr + "/64")
		if err != nil {
			t.Fatal(err)
		}
		if err := container.Handle.AddrAdd(container.Link("eth0"), a); err != nil {
			t.Fatal(err)
		}
	}
	await := func(addr string, want State) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		got, err := AwaitDAD(ctx, container.Handle, container.Index("eth0"), netip.MustParseAddr(addr))
		if err != nil || got != want {
			t.Errorf("AwaitDAD(%s) = %v, %v, want %v", addr, got, err, want)
		}
	}
	add("fd00::10")
	add("fd00::30")
	await("fd00::10", Taken)
	await("fd00::30", Free)
	neighbour.Down("lan")
	add("fd00::40")
	await("fd00::40", NoPath)
	if _, err := AwaitDAD(t.Context(), container.Handle, container.Index("eth0"), netip.MustParseAddr("fd00::50")); err == nil {
		t.Error("an address that is not there passed")
	}
}

func TestWireListenRefused(t *testing.T) {
	h := testlan.NewHost(t)
	if _, err := Listen(h.FD(), 4711, claim4); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Listen on no interface: %v, want ENODEV", err)
	}
	if _, err := Listen(h.FD(), 1, Claim{}); err == nil {
		t.Error("Listen for no address: no error")
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Errorf("not within 5 s: %s", what)
}
