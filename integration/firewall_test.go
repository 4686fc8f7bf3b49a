package integration

import (
	"regexp"
	"sync"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

// web is a container that serves on two ports.
func web(h *lab.Host, name, ip string, more ...string) {
	args := append([]string{"run", "-d", "--name", name, "--vlan", "10", "--parent", lab.Trunk, "--ip", ip + "/24"}, more...)
	h.OK(append(args, "busybox", "sh", "-c", "echo hello > /tmp/index.html; httpd -p 8000 -h /tmp; exec httpd -f -p 8001 -h /tmp")...)
	h.Eventually(name+" serves", func() bool {
		return h.Mvrun("exec", name, "wget", "-q", "-O", "-", "http://127.0.0.1:8000/", "http://127.0.0.1:8001/").Code == 0
	})
}

// From both sides: what is allowed comes in from those that it is allowed for,
// the rest is dropped; what the container begins is its own business.
func TestFirewall(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	web(a, "guarded", "172.16.10.10", "--allow", "tcp/8000,icmp from 172.16.10.11")
	web(b, "friend", "172.16.10.11")
	web(b, "stranger", "172.16.10.12")
	gets := func(h *lab.Host, who, ip, port string) bool {
		return h.Mvrun("exec", who, "timeout", "2", "wget", "-q", "-O", "-", "http://"+ip+":"+port+"/").Code == 0
	}
	pings := func(h *lab.Host, who, ip string) bool {
		return h.Mvrun("exec", who, "ping", "-c", "1", "-W", "2", ip).Code == 0
	}
	check := func(when string) {
		t.Helper()
		var wg sync.WaitGroup
		for _, c := range []struct {
			what string
			got  func() bool
			want bool
		}{
			{"the friend, allowed port", func() bool { return gets(b, "friend", "172.16.10.10", "8000") }, true},
			{"the friend, another port", func() bool { return gets(b, "friend", "172.16.10.10", "8001") }, false},
			{"the friend, ping", func() bool { return pings(b, "friend", "172.16.10.10") }, true},
			{"the stranger, allowed port", func() bool { return gets(b, "stranger", "172.16.10.10", "8000") }, false},
			{"the stranger, ping", func() bool { return pings(b, "stranger", "172.16.10.10") }, false},
			{"out, to the friend", func() bool { return gets(a, "guarded", "172.16.10.11", "8001") }, true},
			{"out, to the stranger", func() bool { return gets(a, "guarded", "172.16.10.12", "8001") }, true},
			{"out, ping", func() bool { return pings(a, "guarded", "172.16.10.12") }, true},
		} {
			wg.Go(func() {
				if got := c.got(); got != c.want {
					t.Errorf("%s: that %s gets through is %v", when, c.what, got)
				}
			})
		}
		wg.Wait()
	}
	check("running")
	a.OK("restart", "-t", "0", "guarded")
	a.Eventually("it serves again", func() bool { return gets(b, "friend", "172.16.10.10", "8000") })
	check("after a restart")
	// A leg that comes later is behind the same rules.
	a.OK("network", "create", "--subnet", "172.16.20.0/24", "-o", "parent=enp0s9.20", "net20")
	a.OK("network", "connect", "--ip", "172.16.20.10", "net20", "guarded")
	b.OK("run", "-d", "--name", "late", "--vlan", "20", "--parent", lab.Trunk, "--ip", "172.16.20.11/24", "busybox", "sleep", "1000")
	if gets(b, "late", "172.16.20.10", "8000") || pings(b, "late", "172.16.20.10") {
		t.Error("the second leg is open")
	}
}

// A container without NET_ADMIN can't take its firewall down, by none of the
// ways that the kernel has. With it, the same attempt works: the test can fail.
func TestFirewallStandsFromInside(t *testing.T) {
	t.Parallel()
	h, _ := lab.OneHost(t)
	run := func(name, ip string, more ...string) {
		args := []string{"run", "-d", "--name", name, "--vlan", "10", "--parent", lab.Trunk, "--ip", ip, "--allow", "tcp/80", "-v", "/:/host:ro"}
		h.OK(append(append(args, more...), "busybox", "sleep", "1000")...)
	}
	run("plain", "172.16.10.10/24")
	run("root", "172.16.10.11/24", "--cap-add", "NET_ADMIN")
	if got := h.Intrude("plain"); !regexp.MustCompile(`^nftables: operation not permitted\niptables: (operation not permitted|protocol not available)$`).MatchString(got) {
		t.Errorf("without NET_ADMIN:\n%s", got)
	}
	if got := h.Intrude("root"); !regexp.MustCompile(`^nftables: done\n`).MatchString(got) {
		t.Errorf("with NET_ADMIN:\n%s", got)
	}
	if got := h.Intrude("root"); !regexp.MustCompile(`^nftables: no such file or directory\n`).MatchString(got) {
		t.Errorf("with NET_ADMIN, again:\n%s", got)
	}
}
