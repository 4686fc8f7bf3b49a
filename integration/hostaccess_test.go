package integration

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// routesTo are the destinations that the host reaches through its seats, the
// kernel's own routes left out.
func routesTo(h *lab.Host) string {
	var found []string
	for line := range strings.Lines(h.Sh("ip route; ip -6 route")) {
		if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[2], "mvh-") && strings.Contains(line, " src ") {
			found = append(found, f[0])
		}
	}
	return strings.Join(found, " ")
}

func noSeat(h *lab.Host) bool {
	return !strings.Contains(h.Sh("ip -br link"), "mvh-") && routesTo(h) == ""
}

// A leased address is reached as long as the lease holds, and the seat stays as
// long as there is a container, with an address or without.
func TestHostAccessToALease(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Has(lab.Trunk, "172.16.0.1/24")
	stop := shortLeases(t, wire, "172.16.0.100", 12*time.Second)
	h.OK("network", "create", "--subnet", "172.16.0.0/24", "-o", "parent="+lab.Trunk, "-o", "host_access=172.16.0.50", "lan")
	h.OK("run", "-d", "--name", "c1", "--network", "lan", "--ip", "dhcp", "busybox", "sleep", "1000")
	h.Sh("ping -c 1 -W 3 172.16.0.100")
	inside(h, "c1", "ping", "-c", "1", "-W", "3", "172.16.0.50")
	// Another one that comes and goes takes nothing along.
	h.OK("run", "--rm", "--network", "lan", "busybox", "true")
	h.Eventually("one route", func() bool { return routesTo(h) == "172.16.0.100" })
	h.Sh("kill -9 " + field(t, h, "c1", "{{.Mvrun.Monitor}}"))
	h.Eventually("the seat is gone", func() bool { h.OK("ps"); return noSeat(h) })
	h.OK("start", "c1")
	h.Sh("ping -c 1 -W 3 172.16.0.100")
	stop()
	h.Eventually("the lease has run out, and the route is gone", func() bool { return routesTo(h) == "" })
	if noSeat := !strings.Contains(h.Sh("ip -br link"), "mvh-"); noSeat {
		t.Error("the seat went with the lease: its container runs")
	}
	shortLeases(t, wire, "172.16.0.101", time.Minute)
	h.Eventually("a new lease, a new route", func() bool { return routesTo(h) == "172.16.0.101" })
	h.OK("stop", "-t", "0", "c1")
	h.Eventually("the seat is gone", func() bool { return noSeat(h) })
}

// No server can draw the host's other traffic to a container: what it leases
// outside the network's subnets has no route, nor has the gateway's address.
func TestHostAccessToAForeignLease(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Has(lab.Trunk, "172.16.0.1/24")
	shortLeases(t, wire, "192.0.2.53", time.Minute)
	h.OK("network", "create", "--subnet", "172.16.0.0/24", "-o", "parent="+lab.Trunk, "--host-access", "lan")
	h.OK("run", "-d", "--name", "c1", "--network", "lan", "--ip", "dhcp", "busybox", "sleep", "1000")
	if got := leased(t, h, "c1"); got != "192.0.2.53" {
		t.Fatalf("leased %s", got)
	}
	if got := routesTo(h); got != "" {
		t.Errorf("routes to %s", got)
	}
}

func TestHostAccessToSLAAC(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	stop := lab.Advertise(t, wire, lab.Trunk, 20, "2001:db8:20::/64")
	defer stop()
	h.OK("network", "create", "--subnet", "2001:db8:20::/64", "--gateway", "none", "-o", "parent=enp0s9.20", "-o", "host_access=2001:db8:20::50", "ra")
	h.OK("run", "-d", "--name", "c1", "--network", "ra", "--ip6", "slaac", "--cap-add", "NET_ADMIN", "busybox", "sleep", "1000")
	var addr string
	h.Eventually("a route to what the router gave", func() bool {
		addr = regexp.MustCompile(`2001:db8:20:[0-9a-f:]+`).FindString(inside(h, "c1", "ip", "-6", "addr", "show", "eth0"))
		return addr != "" && routesTo(h) == addr
	})
	h.Sh("ping -6 -c 1 -W 3 " + addr)
	inside(h, "c1", "ping", "-c", "1", "-W", "3", "2001:db8:20::50")
	stop()
	inside(h, "c1", "ip", "-6", "addr", "del", addr+"/64", "dev", "eth0")
	h.Eventually("it goes with the address", func() bool { return routesTo(h) == "" })
	// Only a router's word counts: a container gives itself what it likes.
	inside(h, "c1", "ip", "-6", "addr", "add", "2001:db8:20::99/64", "dev", "eth0")
	h.OK("rm", "-f", "c1")
	h.Eventually("the seat is gone", func() bool { return noSeat(h) })
}

// The host's own address is asked for on the wire before it is used.
func TestHostSeatIsProbed(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	h.OK("network", "create", "--subnet", "172.16.0.0/24", "-o", "parent="+lab.Trunk, "-o", "host_access=172.16.0.50", "lan")
	run := []string{"run", "-d", "--name", "c1", "--network", "lan", "--ip", "172.16.0.7", "busybox", "sleep", "1000"}
	before := h.Snapshot()
	wire.Has(lab.Trunk, "172.16.0.50/24")
	h.Refused(125, `host access to lan: this host's address 172\.16\.0\.50 is already in use on enp0s9: `+wire.MAC(lab.Trunk)+` has it`, run...)
	h.Eventually("nothing is left", func() bool { return h.Snapshot() == before })
	wire.HasNot(lab.Trunk, "172.16.0.50/24")

	capture := wire.CaptureOn(lab.Trunk)
	h.OK(run...)
	h.Eventually("it is announced, after the probes", func() bool {
		probes, announced := arps(capture, "172.16.0.50")
		return probes == 3 && announced > 0
	})
	// A seat that was left without its address, by a kill, is made anew.
	h.Sh("ip addr del 172.16.0.50/32 dev $(ip -br link | grep -o '^mvh-[0-9a-f]*')")
	h.OK("run", "-d", "--name", "c2", "--network", "lan", "busybox", "sleep", "1000")
	for _, c := range []string{"c1", "c2"} {
		inside(h, c, "ping", "-c", "1", "-W", "3", "172.16.0.50")
	}
	h.Sh("ping -c 1 -W 3 172.16.0.7")
	h.OK("rm", "-f", "c1", "c2")
	// With the probe off nobody is asked.
	wire.Has(lab.Trunk, "172.16.0.50/24")
	h.OK(append([]string{"run", "--conflict-probe", "off"}, run[1:]...)...)
	h.OK("rm", "-f", "c1")
	wire.HasNot(lab.Trunk, "172.16.0.50/24")
	// What the host has on the parent itself no probe would hear.
	h.Has(lab.Trunk, "172.16.0.50/24")
	h.Refused(125, `172\.16\.0\.50 is already in use: this host itself has it on enp0s9`, run...)
	h.HasNot(lab.Trunk, "172.16.0.50/24")
}
