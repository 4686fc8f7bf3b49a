package firewall

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"

	"github.com/mvrun/mvrun/network/internal/testlan"
)

// The tests of this file send real packets to a container that has the rules,
// and from it: a macvlan on a trunk, a peer with several addresses at the other
// end.

func apply(t *testing.T, h *testlan.Host, texts ...string) {
	t.Helper()
	var rules []Rule
	for _, s := range texts {
		r, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	if err := Apply(h.FD(), rules); err != nil {
		t.Fatal(err)
	}
}

func TestTraffic(t *testing.T) {
	all := func(attempt) bool { return true }
	tests := []struct {
		name  string
		rules []string
		open  func(attempt) bool
	}{
		{"no rules", nil, all},
		{"a port", []string{"tcp/80"}, func(a attempt) bool { return a.network == "tcp" && a.port == 80 }},
		{"the issue's example", []string{"tcp/80,udp/443,icmp from 172.16.10.0/26"}, func(a attempt) bool {
			return a.from == near4 && (a.network == "tcp" && a.port == 80 || a.network == "udp" && a.port == 443 || a.network == "ping")
		}},
		{"a range and a list", []string{"tcp/8000-8010,443"}, func(a attempt) bool { return a.network == "tcp" && a.port != 80 }},
		{"a protocol", []string{"udp"}, func(a attempt) bool { return a.network == "udp" }},
		{"ping alone", []string{"icmp"}, func(a attempt) bool { return a.network == "ping" }},
		{"several rules", []string{"udp/80 from fd00::/80", "tcp/443 from 172.16.10.200"}, func(a attempt) bool {
			return a.network == "udp" && a.port == 80 && a.from == near6 || a.network == "tcp" && a.port == 443 && a.from == far4
		}},
		{"anything from some", []string{"any from 172.16.10.0/26,fd00:0:0:0:1::/80"}, func(a attempt) bool { return a.from == near4 || a.from == far6 }},
		{"IPv4 alone", []string{"any from 0.0.0.0/0"}, func(a attempt) bool { return a.to == container4 }},
		{"IPv6 alone", []string{"any from ::/0"}, func(a attempt) bool { return a.to == container6 }},
		{"anything", []string{"any"}, all},
		{"rules taken back", nil, all},
	}
	container, peer := newLAN(t) // one for all: each case replaces the rules of the one before
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			apply(t, container, tt.rules...)
			var wg sync.WaitGroup
			for _, a := range attempts() {
				wg.Go(func() {
					if got := reach(t, peer, a, tt.open(a)); got != tt.open(a) {
						t.Errorf("%s: reached %v, want %v", a, got, tt.open(a))
					}
				})
			}
			wg.Wait()
		})
	}
}

// A container that lets nothing in can still go out, talk to itself, resolve
// its neighbours anew and hear that a port is closed.
func TestOutbound(t *testing.T) {
	container, peer := newLAN(t)
	apply(t, container, "sctp/1")
	for _, a := range []attempt{
		{"tcp", container4, near4, 80},
		{"tcp", container6, near6, 80},
		{"udp", container4, near4, 80},
		{"udp", container6, near6, 80},
		{"ping", container4, near4, 0},
		{"ping", container6, near6, 0},
		{"tcp", "127.0.0.1", "127.0.0.1", 80},
		{"tcp", "::1", "::1", 443},
		{"tcp", container4, container4, 80},
	} {
		if !reach(t, container, a, true) {
			t.Errorf("%s: no answer", a)
		}
	}
	if _, err := dial(container, "tcp", container4, near4, 81, patience); err == nil || isTimeout(err) {
		t.Errorf("closed port: %v, want a refusal", err)
	}
	c, err := dial(container, "udp", container4, near4, 81, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := echo(c, patience); err == nil || isTimeout(err) {
		t.Errorf("closed UDP port: %v, want a refusal (an ICMP error is related)", err)
	}
	// The neighbour that must find us first: discovery is let in.
	forget(t, peer, "lan")
	apply(t, container, "tcp/80")
	for _, a := range []attempt{{"tcp", near4, container4, 80}, {"tcp", near6, container6, 80}} {
		if !reach(t, peer, a, true) {
			t.Errorf("%s, after the neighbour forgot us: no answer", a)
		}
	}
}

func forget(t *testing.T, h *testlan.Host, name string) {
	t.Helper()
	entries, err := h.Handle.NeighList(h.Index(name), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := h.Handle.NeighDel(&e); err != nil {
			t.Fatal(err)
		}
	}
}

// While the rules are replaced again and again, not one packet slips through,
// none that is allowed is lost, and an established connection stays.
func TestReplace(t *testing.T) {
	container, peer := newLAN(t)
	apply(t, container, "tcp/443")
	established, err := dial(peer, "tcp", near4, container4, 443, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer established.Close()
	if err := echo(established, patience); err != nil {
		t.Fatal(err)
	}
	apply(t, container, "udp/80")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { knock(ctx, t, peer, 443) })
	wg.Go(func() { talk(ctx, t, peer, 80) })
	for i := range 200 {
		apply(t, container, "udp/80", fmt.Sprintf("tcp/%d from 10.0.0.0/8", 1000+i))
	}
	cancel()
	wg.Wait()
	if err := echo(established, patience); err != nil {
		t.Errorf("the established connection broke: %v", err)
	}
}

// knock tries a closed UDP port all the time.
func knock(ctx context.Context, t *testing.T, peer *testlan.Host, port int) {
	c, err := dial(peer, "udp", near4, container4, port, patience)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	for ctx.Err() == nil {
		c.Write([]byte("x"))
	}
	c.SetReadDeadline(time.Now().Add(silence))
	if _, err := c.Read(make([]byte, 10)); err == nil {
		t.Error("a packet came through while the rules were replaced")
	}
}

// talk asks and waits for the answer all the time, from a new port each time:
// there is no established flow.
func talk(ctx context.Context, t *testing.T, peer *testlan.Host, port int) {
	for ctx.Err() == nil {
		c, err := dial(peer, "udp", near4, container4, port, patience)
		if err == nil {
			err = echo(c, patience)
			c.Close()
		}
		if err != nil {
			t.Errorf("a packet was lost while the rules were replaced: %v", err)
			return
		}
	}
}

// The tables of others are theirs.
func TestForeignTable(t *testing.T) {
	h := testlan.NewHost(t)
	c, err := nftables.New(nftables.WithNetNSFd(h.FD()))
	if err != nil {
		t.Fatal(err)
	}
	c.AddTable(&nftables.Table{Name: "filter", Family: nftables.TableFamilyINet})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	count := func() (names []string) {
		tables, err := c.ListTables()
		if err != nil {
			t.Fatal(err)
		}
		for _, t := range tables {
			names = append(names, t.Name)
		}
		return names
	}
	apply(t, h, "tcp/80")
	apply(t, h, "tcp/80")
	if got := fmt.Sprint(count()); got != "[filter mvrun]" {
		t.Errorf("tables %s, want filter and mvrun", got)
	}
	apply(t, h)
	apply(t, h)
	if got := fmt.Sprint(count()); got != "[filter]" {
		t.Errorf("tables %s, want filter alone", got)
	}
}

// A long list is one transaction too.
func TestManyRules(t *testing.T) {
	container, peer := newLAN(t)
	var texts []string
	for i := range 500 {
		texts = append(texts, fmt.Sprintf("tcp/%d,udp/%d from 10.%d.%d.0/24,fd00:%x::/64", i+1000, i+1000, i/250, i%250, i))
	}
	apply(t, container, append(texts, "tcp/443")...)
	if !reach(t, peer, attempt{"tcp", near4, container4, 443}, true) || reach(t, peer, attempt{"tcp", near4, container4, 80}, false) {
		t.Error("the last of many rules does not work, or lets too much in")
	}
}
