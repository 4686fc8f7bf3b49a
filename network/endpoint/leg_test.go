package endpoint

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
)

func TestLeaseRoutes(t *testing.T) {
	prefix := netip.MustParsePrefix
	out := dhcp.Route{Dst: prefix("0.0.0.0/0"), Via: ip("10.0.0.1")}
	behind := dhcp.Route{Dst: prefix("10.9.0.0/16"), Via: ip("10.0.0.2")}
	onLink := dhcp.Route{Dst: prefix("10.8.0.0/16")}
	lease := dhcp.Lease{Addr: prefix("10.0.0.5/24"), Routes: []dhcp.Route{out, behind, onLink}}
	for _, c := range []struct {
		name            string
		leads, internal bool
		want            []dhcp.Route
	}{
		{"leads out", true, false, []dhcp.Route{out, behind, onLink}},
		{"another leads out", false, false, []dhcp.Route{behind, onLink}},
		{"internal", true, true, []dhcp.Route{onLink}},
	} {
		l := &Attached{dev: &device{ep: network.Endpoint{Internal: c.internal}}, isDefault: c.leads}
		if diff := cmp.Diff(c.want, l.leaseRoutes(lease), cmp.Comparer(func(a, b dhcp.Route) bool { return a == b })); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

// The kernel takes a leased address away by itself: in time, never never.
func TestLeasedAddrEnds(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		left time.Duration
		want int
	}{{time.Hour, 3600}, {1500 * time.Millisecond, 1}, {0, 1}, {-time.Minute, 1}} {
		addr := leasedAddr(dhcp.Lease{Addr: netip.MustParsePrefix("10.0.0.5/24"), Expire: now.Add(c.left)}, now)
		if addr.ValidLft != c.want || addr.PreferedLft != c.want {
			t.Errorf("%v left: lifetimes %d and %d, want %d", c.left, addr.ValidLft, addr.PreferedLft, c.want)
		}
	}
	if addr := leasedAddr(dhcp.Lease{Addr: netip.MustParsePrefix("10.0.0.5/24")}, now); addr.ValidLft != 0 {
		t.Errorf("a lease without end ends after %d s", addr.ValidLft)
	}
}

// Only the moment of return counts: a parent has many other changes.
func TestCarrierReturns(t *testing.T) {
	const up, both = unix.IFF_UP, unix.IFF_UP | unix.IFF_LOWER_UP
	w, returns := &parentWatch{up: true}, 0
	for _, c := range []struct {
		flags uint32
		want  int
	}{{both, 0}, {up, 0}, {up, 0}, {both, 1}, {both, 1}, {0, 1}, {unix.IFF_LOWER_UP, 1}, {both, 2}} {
		w.heard(c.flags, func() { returns++ })
		if returns != c.want {
			t.Errorf("flags %#x: %d returns, want %d", c.flags, returns, c.want)
		}
	}
}

// A monitor is woken by its own parent alone.
func TestParentWatchHearsItsParentAlone(t *testing.T) {
	l := newLab(t)
	var w *parentWatch
	l.on(0, func() {
		h := mustHost(t)
		link, err := h.LinkByName(nic)
		must(t, err)
		w, err = watchParent(link)
		must(t, err)
	})
	defer w.close()
	back := make(chan struct{}, 10)
	done := make(chan struct{})
	go func() { w.run(t.Context(), func() { back <- struct{}{} }); close(done) }()
	l.ip(0, "link", "set", "lo", "down")
	l.ip(0, "link", "set", "lo", "up")
	select {
	case <-back:
		t.Error("woken by lo")
	case <-time.After(100 * time.Millisecond):
	}
	l.ip(1, "link", "set", nic, "down")
	time.Sleep(1200 * time.Millisecond) // the kernel tells of changes once a second (linkwatch)
	l.ip(1, "link", "set", nic, "up")
	select {
	case <-back:
	case <-time.After(5 * time.Second):
		t.Error("the carrier's return goes unheard")
	}
	l.ip(0, "link", "del", nic)
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("it listens to a parent that is gone")
	}
}

// Stop and Undo come in any order and number, on a leg that was started or not.
func TestLegStops(t *testing.T) {
	l := newLab(t)
	for _, started := range []bool{false, true} {
		before := l.inventory(0)
		b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1")})
		leg := b.legs[0]
		if started {
			leg.Start()
			leg.Start()
		}
		leg.Stop()
		leg.Stop()
		addrs, err := b.handle(t).AddrList(leg.dev.link, unix.AF_INET)
		must(t, err)
		if len(addrs) != 0 {
			t.Errorf("still answers for %v", addrs)
		}
		leg.Start() // too late
		l.on(0, func() { must(t, leg.Undo()); must(t, leg.Undo()) })
		must(t, b.ns.Close())
		l.clean(0, before)
		l.on(0, func() { must(t, l.store[0].Release("b")) })
	}
}
