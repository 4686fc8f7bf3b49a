package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// leasing is a host whose wire has a DHCP server.
func leasing(t *testing.T, more ...string) (*lab.Host, *lab.Netns, *lab.DHCP) {
	t.Helper()
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Has(lab.Trunk, "172.16.0.1/24")
	return h, wire, wire.DHCPServer(lab.Trunk, append([]string{"--dhcp-range=172.16.0.100,172.16.0.120,1h"}, more...)...)
}

func onDHCP(name string, more ...string) []string { return onTrunk(name, "dhcp", more...) }

func leased(t *testing.T, h *lab.Host, name string) string {
	t.Helper()
	return field(t, h, name, "{{.NetworkSettings.IPAddress}}")
}

func TestLease(t *testing.T) {
	h, _, server := leasing(t, "--dhcp-option=option:dns-server,172.16.0.53", "--domain=lan.example",
		"--dhcp-option=option:domain-search,lan.example,other.example", "--dhcp-option=option:ntp-server,172.16.0.123",
		"--dhcp-option=option:mtu,1400", "--dhcp-option=121,10.9.0.0/16,172.16.0.7,0.0.0.0/0,172.16.0.1")
	h.OK(onDHCP("c1", "--hostname", "printer")...)
	addr := leased(t, h, "c1")
	if !strings.HasPrefix(addr, "172.16.0.1") || h.OK("ps", "--format", "{{.Ports}}") != addr {
		t.Errorf("address %q, ps: %s", addr, h.OK("ps"))
	}
	for what, c := range map[string]struct{ args, want string }{
		"address":     {"ip addr show dev eth0", addr + "/24"},
		"default":     {"ip route", "default via 172.16.0.1 dev eth0"},
		"route":       {"ip route", "10.9.0.0/16 via 172.16.0.7"},
		"MTU":         {"cat /sys/class/net/eth0/mtu", "1400"},
		"servers":     {"cat /etc/resolv.conf", "nameserver 172.16.0.53\n"},
		"search list": {"cat /etc/resolv.conf", "search lan.example other.example\n"},
		"own name":    {"cat /etc/hosts", addr + "\tprinter"},
	} {
		if out := h.OK("exec", "c1", "sh", "-c", c.args) + "\n"; !strings.Contains(out, c.want) {
			t.Errorf("%s: no %q in\n%s", what, c.want, out)
		}
	}
	if ntp := field(t, h, "c1", "{{range .Mvrun.Attachments}}{{.Lease.NTP}}{{end}}"); ntp != "[172.16.0.123]" {
		t.Errorf("time servers: %s", ntp)
	}
	if !strings.Contains(server.Leases(), addr+" printer") {
		t.Errorf("the server does not know the host name:\n%s", server.Leases())
	}
	if got := h.OK("network", "inspect", "-f", "{{.Name}}", lab.Trunk); got != lab.Trunk {
		t.Errorf("the implicit network: %s", got)
	}
}

// --dns and its like go before what the server says.
func TestLeaseGivesWay(t *testing.T) {
	h, _, _ := leasing(t, "--dhcp-option=option:dns-server,172.16.0.53", "--dhcp-option=option:mtu,1400", "--domain=lan.example")
	h.OK(onDHCP("c1", "--dns", "9.9.9.9", "--dns-search", "mine.example")...)
	if out := h.OK("exec", "c1", "cat", "/etc/resolv.conf"); out != "nameserver 9.9.9.9\nsearch mine.example" {
		t.Errorf("resolv.conf:\n%s", out)
	}
}

func TestLeaseOutlivesAStop(t *testing.T) {
	h, _, server := leasing(t)
	h.OK(onDHCP("c1")...)
	addr := leased(t, h, "c1")
	h.OK("stop", "-t", "0", "c1")
	if leased(t, h, "c1") != "" {
		t.Errorf("a stopped container shows an address: %s", leased(t, h, "c1"))
	}
	// Other clients come meanwhile; the stopped one's address is still its own.
	h.OK(onDHCP("c2")...)
	from := len(server.Log())
	h.OK("start", "c1")
	if got := leased(t, h, "c1"); got != addr {
		t.Errorf("%s after the start, %s before", got, addr)
	}
	if strings.Contains(server.Log()[from:], "DHCPDISCOVER") {
		t.Errorf("it was looked for, not asked for again (INIT-REBOOT):\n%s", server.Log()[from:])
	}
	h.Sh("kill -9 " + field(t, h, "c1", "{{.Mvrun.Monitor}}"))
	h.OK("start", "c1")
	if got := leased(t, h, "c1"); got != addr {
		t.Errorf("%s after the monitor's death, %s before", got, addr)
	}
}

// The monitor is killed at any moment of a start with DHCP, and with a lease:
// the lease stays the container's own, the next start asks for it again, and
// nothing is left of the dead one.
func TestKillOfTheMonitorWithALease(t *testing.T) {
	h, _, server := leasing(t)
	h.OK(onDHCP("c1")...)
	addr := leased(t, h, "c1")
	monitor := func() string { return field(t, h, "c1", "{{.Mvrun.Monitor}}") }
	h.Sh("kill -9 " + monitor())
	h.Eventually("it is seen to be dead", func() bool { return field(t, h, "c1", "{{.State.Status}}") == "exited" })
	if claims := h.OK("network", "inspect", "-f", "{{range .Claims}}{{.Name}} {{end}}", lab.Trunk); claims != "c1 " {
		t.Errorf("claims after the death: %q", claims)
	}
	from := len(server.Log())
	for i := range 8 { // of 160 ms: the exchange is one of them
		cmd := h.Command(t.Context(), lab.Program(), "start", "c1")
		if err := h.Start(cmd); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * 20 * time.Millisecond)
		h.KillEverything()
		_ = cmd.Wait()
		h.Eventually("it is seen to be dead", func() bool { return field(t, h, "c1", "{{.State.Running}}") == "false" })
	}
	h.OK("start", "c1")
	if got := leased(t, h, "c1"); got != addr {
		t.Errorf("%s after the kills, %s before", got, addr)
	}
	if log := server.Log()[from:]; strings.Contains(log, "DHCPDISCOVER") || strings.Contains(log, "DHCPRELEASE") {
		t.Errorf("it was not just asked for again (INIT-REBOOT):\n%s", log)
	}
	if n := strings.Count(strings.TrimSpace(server.Leases()), "\n"); n != 0 {
		t.Errorf("more than one lease:\n%s", server.Leases())
	}
}

func TestLeaseIsReleased(t *testing.T) {
	h, wire, server := leasing(t)
	released := func(when string) {
		t.Helper()
		h.Eventually(when+": the server has no lease", func() bool { return server.Leases() == "" })
	}
	h.OK(onDHCP("c1")...)
	h.OK("rm", "-f", "c1")
	released("rm -f")
	h.OK(onDHCP("c1")...)
	h.OK("stop", "-t", "0", "c1")
	if server.Leases() == "" {
		t.Error("a stop gives the lease back")
	}
	h.OK("rm", "c1")
	released("rm of a stopped one")
	h.OK("run", "--rm", "--parent", lab.Trunk, "--ip", "dhcp", "busybox", "true")
	released("run --rm")
	h.Refused(127, `nosuchcommand`, "run", "--parent", lab.Trunk, "--ip", "dhcp", "busybox", "nosuchcommand")
	released("a run that failed")
	// No way to the server is no reason to keep a container.
	h.OK(onDHCP("c1")...)
	h.OK("stop", "-t", "0", "c1")
	wire.Down(lab.Trunk)
	if r := h.Mvrun("rm", "c1"); r.Code != 0 {
		t.Errorf("rm without a carrier: %v", r)
	}
	wire.Up(lab.Trunk)
}

func TestNoDHCPServer(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	before := h.Snapshot()
	h.Refused(125, `no DHCP server answered on enp0s9\.10 within 10s`, "run", "-d", "--vlan", "10", "--parent", lab.Trunk, "--ip", "dhcp", "busybox", "sleep", "1000")
	wire.Down(lab.Trunk)
	h.Refused(125, `no address by DHCP: parent enp0s9 has no carrier`, onDHCP("c1")...)
	wire.Up(lab.Trunk)
	h.Eventually("nothing is left", func() bool { return h.Snapshot() == before })
}

// T1 is short: the lease is renewed under a connection that stays.
func TestRenewal(t *testing.T) {
	h, wire, _ := leasing(t, "--dhcp-option=option:T1,3s", "--dhcp-option=option:T2,60s")
	h.OK(onDHCP("c1")...)
	addr := leased(t, h, "c1")
	start := func() string { return field(t, h, "c1", "{{range .Mvrun.Attachments}}{{.Lease.Start}}{{end}}") }
	first := start()
	h.Eventually("renewed", func() bool { return start() != first })
	if leased(t, h, "c1") != addr || strings.Contains(wire.Run("ping", "-c", "1", "-W", "2", addr), "100% packet loss") {
		t.Errorf("after the renewal the container has %s, and %s does not answer", leased(t, h, "c1"), addr)
	}
	if events := leasesOf(h); strings.Count(events, "lease=") != 1 {
		t.Errorf("a renewal is no event:\n%s", events)
	}
}

func leasesOf(h *lab.Host) string {
	return h.OK("events", "--since", "1h", "--until", time.Now().Format(time.RFC3339Nano), "--filter", "event=lease")
}

// The server changes what it gives: by the next renewal the container has it.
func TestChangedLease(t *testing.T) {
	times := []string{"--dhcp-option=option:T1,3s", "--dhcp-option=option:T2,60s"}
	h, _, server := leasing(t, times...)
	h.OK(onDHCP("c1")...)
	addr := leased(t, h, "c1")
	server.Stop()
	server.Start(append(times, "--dhcp-range=172.16.0.100,172.16.0.120,1h", "--dhcp-option=option:dns-server,172.16.0.54", "--dhcp-option=option:router,172.16.0.2")...)
	h.Eventually("the new name server", func() bool {
		return strings.Contains(h.OK("exec", "c1", "cat", "/etc/resolv.conf"), "nameserver 172.16.0.54")
	})
	if routes := h.OK("exec", "c1", "ip", "route"); !strings.Contains(routes, "default via 172.16.0.2 ") || strings.Count(routes, "default") != 1 {
		t.Errorf("routes:\n%s", routes)
	}
	if leased(t, h, "c1") != addr || !strings.Contains(leasesOf(h), "lease=changed") {
		t.Errorf("address %s, was %s; events:\n%s", leased(t, h, "c1"), addr, leasesOf(h))
	}
}

// The server takes the address back (NAK) and gives one of another subnet.
func TestWithdrawnLease(t *testing.T) {
	times := []string{"--dhcp-option=option:T1,3s", "--dhcp-option=option:T2,6s"}
	h, wire, server := leasing(t, times...)
	h.OK(onDHCP("c1")...)
	addr := leased(t, h, "c1")
	server.Stop()
	server.Forget()
	wire.HasNot(lab.Trunk, "172.16.0.1/24")
	wire.Has(lab.Trunk, "172.17.0.1/24")
	server.Start(append(times, "--dhcp-range=172.17.0.100,172.17.0.120,1h")...)
	h.Eventually("an address of the new subnet", func() bool { return strings.HasPrefix(leased(t, h, "c1"), "172.17.0.1") })
	out := h.OK("exec", "c1", "sh", "-c", "ip addr show dev eth0; ip route; cat /etc/hosts")
	if strings.Contains(out, addr) || !strings.Contains(out, "default via 172.17.0.1") || !strings.Contains(out, leased(t, h, "c1")+"\t") {
		t.Errorf("not the new one alone:\n%s", out)
	}
	if events := leasesOf(h); !strings.Contains(events, "lease=expired") {
		t.Errorf("the loss is not told:\n%s", events)
	}
}

// A leg that is connected later leases too, and leads out if it is to.
func TestConnectByDHCP(t *testing.T) {
	h, _, server := leasing(t)
	h.OK("network", "create", "-d", "macvlan", "-o", "parent="+lab.Trunk, "lan")
	h.OK("run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	h.OK("network", "connect", "--ip", "dhcp", "lan", "c1")
	addr := field(t, h, "c1", "{{.NetworkSettings.Networks.lan.IPAddress}}")
	out := h.OK("exec", "c1", "sh", "-c", "ip addr show dev eth1; ip route")
	if addr == "" || !strings.Contains(out, addr+"/24") || !strings.Contains(out, "default via 172.16.0.1 dev eth1") {
		t.Errorf("leased %q:\n%s", addr, out)
	}
	h.OK("network", "disconnect", "lan", "c1")
	h.Eventually("the lease is given back", func() bool { return server.Leases() == "" })
	if out := h.OK("exec", "c1", "ip", "route"); strings.Contains(out, "default") {
		t.Errorf("a route is left:\n%s", out)
	}
	// The default route goes from a leg with a gateway to one with a lease and back.
	h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16.20.0/24", "-o", "parent=enp0s9.20", "net20")
	h.OK("network", "connect", "net20", "c1")
	h.OK("network", "connect", "--ip", "dhcp", "--gw-priority", "5", "lan", "c1")
	wantRoute(t, h, "c1", "default via 172.16.0.1 dev eth2")
	h.OK("network", "disconnect", "lan", "c1")
	wantRoute(t, h, "c1", "default via 172.16.20.1 dev eth1")
}

// The server offers what another machine has: that is declined, and the start
// says why it got nothing.
func TestOfferedAddressIsTaken(t *testing.T) {
	h, _, server := leasing(t, "--dhcp-host=02:00:00:00:00:99,172.16.0.110")
	h.OK(onTrunk("thief", "172.16.0.11/24", "--cap-add", "NET_ADMIN")...)
	h.OK("exec", "thief", "ip", "addr", "add", "172.16.0.110/24", "dev", "eth0")
	h.Refused(125, `172\.16\.0\.110 is already in use.*container thief`, onDHCP("c1", "--mac-address", "02:00:00:00:00:99")...)
	if !strings.Contains(server.Log(), "DHCPDECLINE") {
		t.Error("the server was not told")
	}
}

// An address that is promised to a stopped container of this host is none to
// take, whatever the server says.
func TestOfferedAddressIsClaimed(t *testing.T) {
	h, _, _ := leasing(t, "--dhcp-host=02:00:00:00:00:99,172.16.0.110")
	h.OK("create", "--name", "owner", "--parent", lab.Trunk, "--ip", "172.16.0.110/24", "busybox", "true")
	h.Refused(125, `172\.16\.0\.110 is already in use.*container owner`, onDHCP("c1", "--mac-address", "02:00:00:00:00:99")...)
}

// Somebody takes a leased address later on: it is given back, and the next one
// is used.
func TestConflictOnALease(t *testing.T) {
	h, wire, server := leasing(t)
	h.OK(onDHCP("c1")...)
	addr := leased(t, h, "c1")
	wire.Has(lab.Trunk, addr+"/24")
	defer wire.HasNot(lab.Trunk, addr+"/24")
	h.Eventually("it is declined", func() bool {
		wire.Run("ping", "-I", addr, "-c", "1", "-W", "1", "172.16.0.98")
		return strings.Contains(server.Log(), "DHCPDECLINE")
	})
	if status := h.OK("ps", "--filter", "name=c1", "--format", "{{.Status}}"); !strings.Contains(status, "no lease on eth0") {
		t.Errorf("ps while it has none: %s", status)
	}
	h.Eventually("another one", func() bool { now := leased(t, h, "c1"); return now != "" && now != addr })
}

// The server is gone for good, and the lease runs out: the address goes, and
// mvrun says so.
func TestLeaseExpires(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Has(lab.Trunk, "172.16.0.1/24")
	stop := shortLeases(t, wire, "172.16.0.100", 12*time.Second)
	h.OK(onDHCP("c1")...)
	if got := leased(t, h, "c1"); got != "172.16.0.100" {
		t.Fatalf("address %s", got)
	}
	stop()
	h.Eventually("ps says so", func() bool {
		return strings.Contains(h.OK("ps", "--format", "{{.Status}}"), "(no lease on eth0)")
	})
	if out := h.OK("exec", "c1", "ip", "-4", "addr", "show", "dev", "eth0"); strings.Contains(out, "inet ") {
		t.Errorf("the address is still there:\n%s", out)
	}
	if events := leasesOf(h); !strings.Contains(events, "lease=expired") || !strings.Contains(events, "reason=") {
		t.Errorf("events:\n%s", events)
	}
	shortLeases(t, wire, "172.16.0.101", time.Minute)
	h.Eventually("a server that comes back gives a new one", func() bool { return leased(t, h, "c1") == "172.16.0.101" })
}
