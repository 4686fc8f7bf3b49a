package integration

import (
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/mvrun/mvrun/integration/lab"
)

// onTrunk is a container on the trunk's untagged segment, where the bare wire
// can play another machine.
func onTrunk(name, ip string, more ...string) []string {
	args := []string{"run", "-d", "--name", name, "--parent", lab.Trunk, "--ip", ip}
	return append(append(args, more...), "busybox", "sleep", "1000")
}

func inUse(addr, by string) string {
	return regexp.QuoteMeta(addr) + ` is already in use .*` + by
}

func TestTakenAddressIsRefused(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Has(lab.Trunk, "172.16.0.10/24")
	before := h.Snapshot()
	h.Refused(125, inUse("172.16.0.10", wire.MAC(lab.Trunk)), onTrunk("c1", "172.16.0.10/24")...)
	if now := h.Snapshot(); now != before || h.OK("ps", "-aq") != "" || h.OK("network", "ls", "-q", "--filter", "driver=macvlan") != "" {
		t.Errorf("left behind: from\n%s\nto\n%s", before, now)
	}
	// A container that exists is refused its start alone.
	h.OK("create", "--name", "c2", "--parent", lab.Trunk, "--ip", "172.16.0.10/24", "busybox", "sleep", "1000")
	h.Refused(1, inUse("172.16.0.10", wire.MAC(lab.Trunk)), "start", "c2")
	// The other goes away, and the address is free.
	wire.HasNot(lab.Trunk, "172.16.0.10/24")
	h.OK("start", "c2")
}

// On a VLAN, by a container of another host.
func TestAddressOfAContainerElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	holder := tenant{"a1", 10}
	holder.start(b)
	mac := b.OK("exec", "a1", "cat", "/sys/class/net/eth0/address")
	run := []string{"run", "-d", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000"}
	a.Refused(125, inUse("172.16.10.10", mac), run...)
	b.OK("rm", "-f", "a1")
	a.OK(run...) // at once: an address that its container has left is free
}

// A container of the same host that took an address by itself is named.
func TestConflictNamesTheContainer(t *testing.T) {
	h := host(t)
	h.OK(onTrunk("thief", "172.16.0.11/24", "--cap-add", "NET_ADMIN")...)
	h.OK("exec", "thief", "ip", "addr", "add", "172.16.0.12/24", "dev", "eth0")
	h.Refused(125, inUse("172.16.0.12", `container thief`), onTrunk("c1", "172.16.0.12/24")...)
}

// A macvlan never hears the host below it, so no probe would tell.
func TestAddressOfTheHostIsRefused(t *testing.T) {
	t.Parallel()
	h, _ := lab.OneHost(t)
	h.Has(lab.Trunk, "172.16.0.10/24")
	defer h.HasNot(lab.Trunk, "172.16.0.10/24")
	h.Refused(125, inUse("172.16.0.10", "")+"|this host itself has it on enp0s9", onTrunk("c1", "172.16.0.10/24")...)
	h.OK(onTrunk("c2", "172.16.0.11/24")...)
}

func TestProbeOff(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Has(lab.Trunk, "172.16.0.10/24")
	capture := wire.CaptureOn(lab.Trunk)
	h.OK(onTrunk("c1", "172.16.0.10/24", "--conflict-probe", "off")...)
	h.Eventually("it is announced", func() bool { _, announced := arps(capture, "172.16.0.10"); return announced > 0 })
	if probes, _ := arps(capture, "172.16.0.10"); probes > 0 {
		t.Errorf("%d probes with the probe off", probes)
	}
	wire.Run("ping", "-c", "1", "-W", "1", "172.16.0.99")
	if status := h.OK("ps", "--format", "{{.Status}}"); strings.Contains(status, "conflict") {
		t.Errorf("a conflict is looked for with the probe off: %s", status)
	}
	for _, bad := range []string{"banana", "1ms", "1h", "-5ms", ""} {
		h.Refused(125, `conflict.probe`, onTrunk("c2", "172.16.0.11/24", "--conflict-probe="+bad)...)
	}
}

// arps counts the probes for an address and its announcements (RFC 5227 1.1).
func arps(c *lab.Capture, addr string) (probes, announcements int) {
	want := netip.MustParseAddr(addr)
	for _, p := range c.Frames() {
		arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP)
		if !ok || arp.Operation != layers.ARPRequest {
			continue
		}
		sender, _ := netip.AddrFromSlice(arp.SourceProtAddress)
		target, _ := netip.AddrFromSlice(arp.DstProtAddress)
		switch {
		case target == want && sender.IsUnspecified():
			probes++
		case target == want && sender == want:
			announcements++
		}
	}
	return probes, announcements
}

// The order on the wire: nothing says that the address is ours before it was
// asked for three times.
func TestFreeAddressIsProbedThenAnnounced(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	capture := wire.CaptureOn(lab.Trunk)
	h.OK("run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	h.Eventually("announced twice, two seconds apart", func() bool { _, n := arps(capture, "172.16.10.10"); return n == 2 })
	var order strings.Builder
	for _, p := range capture.Frames() {
		if arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
			if lab.VID(p) != 10 {
				t.Errorf("untagged: %v", arp)
			}
			if net.IP(arp.SourceProtAddress).IsUnspecified() {
				order.WriteByte('p')
			} else {
				order.WriteByte('A')
			}
		}
	}
	if order.String() != "pppAA" {
		t.Errorf("probes and announcements: %s", order.String())
	}
}

// Another machine takes the address of a running container.
func TestConflictAfterTheStart(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	h.OK(onTrunk("c1", "172.16.0.10/24")...)
	capture := wire.CaptureOn(lab.Trunk)
	h.Eventually("the start's own announcements are over", func() bool { _, n := arps(capture, "172.16.0.10"); return n >= 1 })
	mine := h.OK("exec", "c1", "cat", "/sys/class/net/eth0/address")
	_, before := arps(capture, "172.16.0.10")
	wire.Has(lab.Trunk, "172.16.0.10/24")
	// Its first ARP request has the address as its sender.
	wire.Run("ping", "-c", "1", "-W", "1", "172.16.0.99")
	h.Eventually("ps shows it", func() bool {
		return strings.Contains(h.OK("ps", "--format", "{{.Status}}"), "(address conflict)")
	})
	if got := field(t, h, "c1", "{{range .Mvrun.Conflicts}}{{.Addr}} {{.MAC}}{{end}}"); got != "172.16.0.10 "+wire.MAC(lab.Trunk) {
		t.Errorf("inspect: %s", got)
	}
	if _, after := arps(capture, "172.16.0.10"); after <= before {
		t.Error("the address was not defended")
	}
	// Its kernel insists, and both use the address now.
	h.Eventually("the loss is told", func() bool {
		wire.Run("ping", "-c", "1", "-W", "1", "172.16.0.98")
		return strings.Contains(conflictsOf(h), "defended=false")
	})
	events := conflictsOf(h)
	for _, want := range []string{"address=172.16.0.10", "mac=" + wire.MAC(lab.Trunk), "defended=true", "interface=eth0"} {
		if !strings.Contains(events, want) {
			t.Errorf("no %s in the events:\n%s", want, events)
		}
	}
	if strings.Contains(events, "mac="+mine) {
		t.Errorf("a conflict with itself:\n%s", events)
	}
	wire.HasNot(lab.Trunk, "172.16.0.10/24")
	h.OK("restart", "-t", "0", "c1")
	if status := h.OK("ps", "--format", "{{.Status}}"); strings.Contains(status, "conflict") {
		t.Errorf("the mark outlives the start after: %s", status)
	}
}

func conflictsOf(h *lab.Host) string {
	return h.OK("events", "--since", "1h", "--until", time.Now().Format(time.RFC3339Nano), "--filter", "event=conflict")
}

// Two hosts start the same address in the same moment. The probe makes it rare
// that both get it (on a busy machine a frame can take longer than the whole
// window), and then the guard tells of it: never both unnoticed.
func TestSimultaneousStarts(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	for range 5 {
		var codes [2]int
		var wg sync.WaitGroup
		for i, h := range []*lab.Host{a, b} {
			wg.Go(func() {
				codes[i] = h.Mvrun("run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000").Code
			})
		}
		wg.Wait()
		if codes == [2]int{0, 0} {
			a.Eventually("a guard tells that both have the address", func() bool {
				return conflictsOf(a)+conflictsOf(b) != ""
			})
		}
		a.Mvrun("rm", "-f", "c1")
		b.Mvrun("rm", "-f", "c1")
	}
}

// Without a carrier nobody can answer: a warning, no refusal. When it comes
// back, the LAN hears whose the address is.
func TestCarrier(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Down(lab.Trunk)
	r := h.Mvrun("run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	if r.Code != 0 || !strings.Contains(r.Stderr, "no carrier") {
		t.Fatalf("a warning is wanted: %v", r)
	}
	time.Sleep(2500 * time.Millisecond) // the start's own announcements went nowhere
	for range 2 {
		capture := h.CaptureOn(lab.Trunk) // the wire's end is down, and no capture outlives that
		wire.Up(lab.Trunk)
		h.Eventually("it is announced again", func() bool { _, n := arps(capture, "172.16.10.10"); return n > 0 })
		capture.Stop()
		wire.Down(lab.Trunk)
		time.Sleep(2500 * time.Millisecond)
	}
	h.OK("rm", "-f", "c1")
	wire.Up(lab.Trunk)
}

// Whoever takes over an address from a container that was just removed starts,
// and every time.
func TestAddressChangesHands(t *testing.T) {
	h := host(t)
	h.OK(onTrunk("keeper", "172.16.0.9/24")...) // the segment stays in use
	for _, name := range []string{"c1", "c2", "c3", "c4", "c5", "c6"} {
		h.OK(onTrunk(name, "172.16.0.10/24")...)
		h.OK("rm", "-f", name)
	}
	// Also from one that died with its monitor.
	h.OK(onTrunk("c7", "172.16.0.10/24")...)
	h.Sh("kill -9 " + field(t, h, "c7", "{{.Mvrun.Monitor}}"))
	h.OK("rm", "-f", "c7")
	h.OK(onTrunk("c8", "172.16.0.10/24")...)
}

func TestIPv6AddressIsProbed(t *testing.T) {
	t.Parallel()
	h, wire := lab.OneHost(t)
	wire.Sysctl("net/ipv6/conf/"+lab.Trunk+"/disable_ipv6", "0")
	wire.Has(lab.Trunk, "fd00::10/64")
	run := []string{"run", "-d", "--name", "c1", "--parent", lab.Trunk, "--ip6", "fd00::10/64", "busybox", "sleep", "1000"}
	h.Refused(125, inUse("fd00::10", wire.MAC(lab.Trunk)), run...)
	wire.HasNot(lab.Trunk, "fd00::10/64")
	h.OK(run...)
	// It was probed, so the kernel needs no second of its own for that.
	if out := h.OK("exec", "c1", "ip", "-6", "addr", "show", "dev", "eth0"); !strings.Contains(out, "fd00::10/64 scope global") || strings.Contains(strings.Split(out, "fe80")[0], "tentative") {
		t.Errorf("the address is not usable at once:\n%s", out)
	}
}

// An ipvlan has its parent's MAC address, to which the answers to a probe go:
// the host hears them in its place.
func TestConflictOnIPVLAN(t *testing.T) {
	t.Parallel()
	lab.Needs(t, lab.KernelIPVLAN)
	h, wire := lab.OneHost(t)
	h.OK("network", "create", "-d", "ipvlan", "--subnet", "172.16.0.0/24", "--subnet", "fd00::/64", "-o", "parent="+lab.Trunk, "ipv")
	run := func(name, ip, ip6 string) []string {
		return []string{"run", "-d", "--name", name, "--network", "ipv", "--ip", ip, "--ip6", ip6, "busybox", "sleep", "1000"}
	}
	wire.Sysctl("net/ipv6/conf/"+lab.Trunk+"/disable_ipv6", "0")
	wire.Has(lab.Trunk, "172.16.0.10/24")
	wire.Has(lab.Trunk, "fd00::10/64")
	before := h.Snapshot()
	h.Refused(125, inUse("172.16.0.10", wire.MAC(lab.Trunk)), run("c1", "172.16.0.10", "fd00::11")...)
	h.Refused(125, inUse("fd00::10", wire.MAC(lab.Trunk)), run("c1", "172.16.0.11", "fd00::10")...)
	h.Eventually("nothing is left", func() bool { return h.Snapshot() == before })
	h.OK(run("c1", "172.16.0.11", "fd00::11")...)
	h.OK(run("c2", "172.16.0.12", "fd00::12")...) // not in the way of each other
	inside(h, "c1", "ping", "-c", "1", "-W", "3", "172.16.0.10")
	inside(h, "c1", "ping", "-c", "1", "-W", "3", "172.16.0.12")
	if status := h.OK("ps", "--format", "{{.Status}}"); strings.Contains(status, "conflict") {
		t.Errorf("a conflict with nobody: %s", status)
	}
	// Somebody comes later.
	wire.Has(lab.Trunk, "172.16.0.11/24")
	h.Eventually("ps marks it", func() bool {
		wire.Run("ping", "-I", "172.16.0.11", "-c", "1", "-W", "1", "172.16.0.99")
		return strings.Contains(h.OK("ps", "--filter", "name=c1", "--format", "{{.Status}}"), "(address conflict)")
	})
	if status := h.OK("ps", "--filter", "name=c2", "--format", "{{.Status}}"); strings.Contains(status, "conflict") {
		t.Errorf("c2 has no part in it: %s", status)
	}
}
