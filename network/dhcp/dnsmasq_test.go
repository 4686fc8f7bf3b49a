package dhcp

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/internal/packetsock"
	"github.com/mvrun/mvrun/network/internal/testlan"
)

// The tests of this file lease from a real dnsmasq over real links: the server
// on a LAN, the client on a macvlan of the trunk.

type lan struct {
	t                 *testing.T
	trunk, serverHost *testlan.Host
	leases            string // dnsmasq's file
}

// newLAN starts dnsmasq with the given range, and further arguments.
func newLAN(t *testing.T, dhcpRange string, args ...string) *lan {
	t.Helper()
	dnsmasq, err := exec.LookPath("dnsmasq")
	if err != nil {
		t.Fatalf("the test needs a real server, install dnsmasq-base: %v", err)
	}
	l := &lan{t, testlan.NewHost(t), testlan.NewHost(t), filepath.Join(t.TempDir(), "leases")}
	testlan.Cable(l.trunk, "trunk", l.serverHost, "lan")
	l.serverHost.Addr("lan", "10.0.0.1/24")
	args = append([]string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--dhcp-authoritative", "--log-dhcp",
		"--user=root", "--group=root", "--interface=lan", "--bind-interfaces", "--pid-file=",
		"--dhcp-leasefile=" + l.leases, "--dhcp-range=" + dhcpRange,
	}, args...)
	log := filepath.Join(t.TempDir(), "log")
	cmd := l.serverHost.Command(dnsmasq, append(args, "--log-facility="+log)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := func() string { b, _ := os.ReadFile(log); return string(b) }
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("dnsmasq said:\n%s", said())
		}
	})
	eventually(t, "dnsmasq listens", func() bool { return strings.Contains(said(), "sockets bound") })
	return l
}

// container is a macvlan on the trunk, and a client's socket on it.
func (l *lan) container() (*testlan.Host, *Socket, Identity) {
	l.t.Helper()
	h := testlan.NewHost(l.t)
	l.trunk.Macvlan("trunk", h, "eth0")
	s, err := Listen(h.FD(), h.Index("eth0"), h.MAC("eth0"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.Close() })
	return h, s, Identity{ID: "c0ffee", Hostname: "web", MAC: h.MAC("eth0")}
}

// run starts a client; the events come on the channel, stop ends it.
func (l *lan) run(s *Socket, id Identity, o Options) (events <-chan Event, stop func()) {
	l.t.Helper()
	out := make(chan Event, 100)
	o.Notify = func(e Event) { out <- e }
	c, err := NewClient(s, id, o)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("Run: %v", err)
		}
		done <- nil
	}
	l.t.Cleanup(stop)
	return out, stop
}

// next is the next event, which must be of a kind and come in time.
func (l *lan) next(events <-chan Event, kind Kind) Lease {
	l.t.Helper()
	select {
	case e := <-events:
		if e.Kind != kind {
			l.t.Fatalf("event %s, want %s", e, kind)
		}
		return e.Lease
	case <-time.After(30 * time.Second):
		l.t.Fatalf("no event %s within 30 s", kind)
	}
	return Lease{}
}

// recorded is what the server's lease file has for an address.
func (l *lan) recorded(addr netip.Addr) string {
	l.t.Helper()
	data, err := os.ReadFile(l.leases)
	if err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if slices.Contains(strings.Fields(line), addr.String()) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func TestRealLease(t *testing.T) {
	l := newLAN(t, "10.0.0.50,10.0.0.59,255.255.255.0,1h",
		"--dhcp-option=option:router,10.0.0.254",
		"--dhcp-option=option:classless-static-route,0.0.0.0/0,10.0.0.253,172.16.0.0/12,10.0.0.252",
		"--dhcp-option=option:dns-server,10.0.0.53,9.9.9.9",
		"--dhcp-option=option:ntp-server,10.0.0.123",
		"--dhcp-option=option:domain-search,a.example,b.a.example",
		"--dhcp-option=option:mtu,1400", "--domain=lan.example")
	_, s, id := l.container()
	start := time.Now()
	events, stop := l.run(s, id, Options{})
	got := l.next(events, Bound)
	t.Logf("leased in %s", time.Since(start).Round(time.Millisecond))
	want := Lease{
		Routes: []Route{
			{netip.MustParsePrefix("0.0.0.0/0"), addr("10.0.0.253")},
			{netip.MustParsePrefix("172.16.0.0/12"), addr("10.0.0.252")},
		},
		DNS: []netip.Addr{addr("10.0.0.53"), addr("9.9.9.9")}, NTP: []netip.Addr{addr("10.0.0.123")},
		Domain: "lan.example", Search: []string{"a.example", "b.a.example"}, MTU: 1400,
		Server: addr("10.0.0.1"), ServerMAC: l.serverHost.MAC("lan").String(),
	}
	if diff := cmp.Diff(want, got, compareAddrs, cmpopts.IgnoreFields(Lease{}, "Addr", "Start", "Renew", "Rebind", "Expire")); diff != "" {
		t.Error(diff)
	}
	if !netip.MustParsePrefix("10.0.0.48/28").Contains(got.Addr.Addr()) || got.Addr.Bits() != 24 {
		t.Errorf("address %s is not of the range", got.Addr)
	}
	if d := got.Expire.Sub(got.Start); d != time.Hour {
		t.Errorf("leased for %s", d)
	}
	// dnsmasq writes: expiry, hardware address, address, host name, client id.
	if line := l.recorded(got.Addr.Addr()); !strings.HasSuffix(line, " web 00:63:30:66:66:65:65") {
		t.Errorf("the server has %q, want our host name and client identifier", line)
	}
	stop()

	// The container is started again, with another hardware address.
	_, s, id = l.container()
	events, stop = l.run(s, id, Options{Prior: &got})
	again := l.next(events, Bound)
	if again.Addr != got.Addr {
		t.Errorf("after a restart %s, was %s", again.Addr, got.Addr)
	}
	if line := l.recorded(got.Addr.Addr()); !strings.Contains(line, id.MAC.String()) {
		t.Errorf("the server has %q, want the new hardware address", line)
	}
	stop()

	// And removed, from an interface that knows nothing of the address.
	if err := Release(s, id, again); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server has forgotten the lease", func() bool { return l.recorded(got.Addr.Addr()) == "" })
}

func TestRealRenewal(t *testing.T) {
	t.Parallel()
	l := newLAN(t, "10.0.0.50,10.0.0.59,255.255.255.0,1h", "--dhcp-option=option:T1,4s", "--dhcp-option=option:T2,60s")
	h, s, id := l.container()
	events, _ := l.run(s, id, Options{})
	first := l.next(events, Bound)
	h.Addr("eth0", first.Addr.String())
	tap, err := packetsock.Listen(packetsock.Config{NetNS: l.serverHost.FD(), Index: l.serverHost.Index("lan"), Protocol: unix.ETH_P_IP})
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	second := l.next(events, Renewed)
	wantUnicast(t, tap, first)
	if second.Addr != first.Addr || !second.Expire.After(first.Expire) {
		t.Errorf("renewed %+v to %+v", first, second)
	}
	if wait := second.Start.Sub(first.Start); wait < time.Second || wait > 10*time.Second {
		t.Errorf("renewed after %s, want T1 = 4 s", wait)
	}
}

// wantUnicast finds the renewal among what the server got.
func wantUnicast(t *testing.T, tap *packetsock.Socket, l Lease) {
	t.Helper()
	if err := tap.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 2048); ; {
		n, _, err := tap.Receive(b)
		if err != nil {
			t.Fatalf("the renewal was not on the wire: %v", err)
		}
		if n < ipHeaderLen+udpHeaderLen || b[9] != protoUDP || b[21] != clientPort {
			continue
		}
		src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		if src != l.Addr.Addr() || dst != l.Server {
			t.Errorf("renewal from %s to %s, want unicast", src, dst)
		}
		return
	}
}

func TestRealConflict(t *testing.T) {
	t.Parallel()
	l := newLAN(t, "10.0.0.50,10.0.0.51,255.255.255.0,1h")
	_, s, id := l.container()
	var first netip.Addr
	events, _ := l.run(s, id, Options{Probe: func(a netip.Addr) bool {
		if !first.IsValid() {
			first = a
		}
		return a == first
	}})
	got := l.next(events, Bound) // after the ten seconds that a decline costs
	if got.Addr.Addr() == first {
		t.Errorf("got %s although it was declined", first)
	}
}

func TestRealNak(t *testing.T) {
	l := newLAN(t, "10.0.0.50,10.0.0.59,255.255.255.0,1h")
	_, s, id := l.container()
	prior := Lease{
		Addr: netip.MustParsePrefix("192.168.9.9/24"), Server: addr("192.168.9.1"),
		Start: time.Now(), Renew: time.Now().Add(time.Hour), Rebind: time.Now().Add(2 * time.Hour), Expire: time.Now().Add(3 * time.Hour),
	}
	events, _ := l.run(s, id, Options{Prior: &prior})
	if got := l.next(events, Bound); got.Addr.Addr() == prior.Addr.Addr() {
		t.Errorf("still %s", got.Addr)
	}
}

// A link that goes down and comes back does not end the client.
func TestRealLinkDown(t *testing.T) {
	t.Parallel()
	l := newLAN(t, "10.0.0.50,10.0.0.59,255.255.255.0,1h")
	h, s, id := l.container()
	h.Down("eth0")
	events, _ := l.run(s, id, Options{})
	time.Sleep(100 * time.Millisecond)
	h.Up("eth0")
	l.next(events, Bound)
}

func TestRealLinkGone(t *testing.T) {
	l := newLAN(t, "10.0.0.50,10.0.0.59,255.255.255.0,1h")
	h, s, id := l.container()
	bound := make(chan Event, 1)
	c, err := NewClient(s, id, Options{Notify: func(e Event) { bound <- e }})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(t.Context()) }()
	l.next(bound, Bound)
	if err := h.Handle.LinkDel(h.Link("eth0")); err != nil {
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
}

// Another client's conversation, broadcast, does not wake this one.
func TestRealFilter(t *testing.T) {
	l := newLAN(t, "10.0.0.50,10.0.0.59,255.255.255.0,1h", "--dhcp-broadcast")
	_, idle, _ := l.container()
	_, s, id := l.container()
	events, _ := l.run(s, id, Options{})
	l.next(events, Bound)
	if err := idle.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	if n, _, err := idle.Receive(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("woken by %x, %v", b[:n], err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Errorf("not within 5 s: %s", what)
}
