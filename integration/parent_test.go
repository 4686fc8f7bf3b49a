package integration

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/mvrun/mvrun/integration/lab"
)

// A parent that is deleted under running containers, and is made again, has
// them back on the wire: the same addresses, routes and MAC addresses.
func TestParentComesBack(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	for i, h := range []*lab.Host{a, b} {
		h.OK("network", "create", "--subnet", "172.16.10.0/24", "-o", "parent=enp0s9.10", "net10")
		h.OK("run", "-d", "--name", "c1", "--network", "net10", "--ip", []string{"172.16.10.10", "172.16.10.11"}[i], "busybox", "sleep", "1000")
	}
	inside(a, "c1", "ping", "-c", "1", "-W", "5", "172.16.10.11")
	mac := inside(a, "c1", "cat", "/sys/class/net/eth0/address")
	for range 2 {
		if err := a.Link.LinkDel(a.Find(lab.Trunk)); err != nil { // both ends of the cable go
			t.Fatal(err)
		}
		if r := a.Mvrun("exec", "c1", "ping", "-c", "1", "-W", "1", "172.16.10.11"); r.Code == 0 {
			t.Fatal("there is no cable, and a ping comes back")
		}
		lab.Cable(t, a.Netns, lab.Trunk, b.Netns, lab.Trunk)
		a.Eventually("both are back on the wire", func() bool {
			return a.Mvrun("exec", "c1", "ping", "-c", "1", "-W", "1", "172.16.10.11").Code == 0
		})
	}
	wantRoute(t, a, "c1", "default via 172.16.10.1 dev eth0")
	if got := inside(a, "c1", "cat", "/sys/class/net/eth0/address"); got != mac {
		t.Errorf("MAC address %s, was %s", got, mac)
	}
	wantLinks(t, a, "back", "enp0s9.10")
	for _, h := range []*lab.Host{a, b} {
		h.OK("rm", "-f", "c1")
		wantLinks(t, h, "after rm")
		h.Settled() // with the new cable
	}
}

// A bridge carries containers, too; a port of one can't.
func TestBridgeAsParent(t *testing.T) {
	h := host(t)
	h.Sh("ip link add br0 type bridge && ip link set enp0s9 master br0 && ip link set br0 up")
	h.Settled()
	h.Refused(125, `enp0s9 is part of a bridge or a bond`, "run", "--rm", "--parent", lab.Trunk, "--ip", "10.0.0.5/24", "busybox", "true")
	for _, n := range []string{"a1", "b1"} {
		h.OK("run", "-d", "--name", n, "--parent", "br0", "--ip", "10.0.0."+n[1:]+string('0'+n[0]-'a')+"/24", "busybox", "sleep", "1000")
	}
	inside(h, "a1", "ping", "-c", "1", "-W", "3", "10.0.0.11")
}

// A bond carries containers; a NIC that is part of one can't.
func TestBondAsParent(t *testing.T) {
	t.Parallel()
	lab.Needs(t, lab.KernelBond)
	h, wire := lab.OneHost(t)
	h.Sh("ip link add bond0 type bond mode active-backup miimon 50 && ip link set enp0s9 down && ip link set enp0s9 master bond0 && ip link set bond0 up")
	h.Eventually("the bond has a carrier", func() bool { return strings.Contains(h.Sh("ip link show bond0"), "LOWER_UP") })
	h.Settled()
	for _, vlan := range [][]string{{"--vlan", "10"}, nil} { // the kernel would let a VLAN sit on it
		h.Refused(125, `parent enp0s9 is part of a bond: name the bond`, append(append([]string{"run", "--rm", "--parent", lab.Trunk, "--ip", "10.0.0.5/24"}, vlan...), "busybox", "true")...)
	}
	wire.Has(lab.Trunk, "10.0.0.1/24")
	capture := wire.CaptureOn(lab.Trunk)
	h.OK("run", "-d", "--name", "tagged", "--vlan", "10", "--parent", "bond0", "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "bare", "--parent", "bond0", "--ip", "10.0.0.5/24", "busybox", "sleep", "1000")
	wantLinks(t, h, "running", "bond0.10")
	inside(h, "bare", "ping", "-c", "1", "-W", "3", "10.0.0.1")
	h.Eventually("VLAN 10 is announced through the bond", func() bool {
		return slices.ContainsFunc(capture.Frames(), func(p gopacket.Packet) bool { return lab.VID(p) == 10 })
	})
	// The bond loses its last port, and gets it back.
	wire.Down(lab.Trunk)
	h.Eventually("the bond is down", func() bool { return strings.Contains(h.Sh("ip link show bond0"), "state DOWN") })
	capture = h.CaptureOn("bond0") // none on the wire's end outlives that
	wire.Up(lab.Trunk)
	h.Eventually("announced again when the carrier is back", func() bool {
		return slices.ContainsFunc(capture.Frames(), func(p gopacket.Packet) bool { return lab.VID(p) == 10 })
	})
	h.OK("rm", "-f", "tagged", "bare")
	wantLinks(t, h, "after rm")
}

// A VLAN of the kernel's as parent is one VLAN with that VID, or, with --vlan, a
// VLAN on it: two tags of 802.1Q.
func TestVLANAsParent(t *testing.T) {
	t.Parallel()
	lab.Needs(t, lab.Kernel8021q)
	h, wire := lab.OneHost(t)
	h.Sh("ip link add link enp0s9 name lan10 type vlan id 10 && ip link set lan10 up")
	h.Settled()
	capture := wire.CaptureOn(lab.Trunk)
	h.OK("run", "-d", "--name", "a1", "--parent", "lan10", "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	h.Refused(125, `172\.16\.10\.10 is already claimed by container a1`, "run", "--rm", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "true")
	wantLinks(t, h, "the administrator's own is used", "lan10")
	h.OK("run", "-d", "--name", "b1", "--vlan", "20", "--parent", "lan10", "--ip", "172.16.20.10/24", "busybox", "sleep", "1000")
	wantLinks(t, h, "one on it", "lan10", "lan10.20")
	tags := func(vids ...uint16) bool {
		return slices.ContainsFunc(capture.Frames(), func(p gopacket.Packet) bool {
			var found []uint16
			for _, l := range p.Layers() {
				if q, ok := l.(*layers.Dot1Q); ok {
					found = append(found, q.VLANIdentifier)
				}
			}
			return slices.Equal(found, vids)
		})
	}
	h.Eventually("frames with tag 10", func() bool { return tags(10) })
	h.Eventually("frames with tags 10 and 20", func() bool { return tags(10, 20) })
	if tree := h.OK("topology"); !strings.Contains(tree, "lan10.20@if") || !strings.Contains(tree, "found, not made by mvrun") {
		t.Errorf("%s", tree)
	}
	h.OK("rm", "-f", "a1", "b1")
	wantLinks(t, h, "after rm", "lan10")
}

// What -o bclim sets is what the kernel has; one that can't is refused.
func TestMulticastLimit(t *testing.T) {
	t.Parallel()
	h, _ := lab.OneHost(t)
	create := func(bclim string) {
		h.OK("network", "create", "--subnet", "172.16.10.0/24", "-o", "parent=enp0s9.10", "-o", "bclim="+bclim, "net10")
	}
	if lab.Lacks(t, lab.MulticastCut) {
		create("64")
		h.Refused(125, `bclim: this kernel can't set it: it came with Linux 6\.4`, "run", "--rm", "--network", "net10", "busybox", "true")
		wantLinks(t, h, "after the refusal")
	}
	lab.Needs(t, lab.MulticastCut)
	for _, want := range []int32{64, 0, -1, 1} {
		create(strconv.Itoa(int(want)))
		h.OK("run", "-d", "--name", "c1", "--network", "net10", "busybox", "sleep", "1000")
		if got := lab.NetnsOf(t, field(t, h, "c1", "{{.State.Pid}}")).MulticastCut("eth0"); got != want {
			t.Errorf("bclim=%d: the kernel has %d", want, got)
		}
		h.OK("rm", "-f", "c1")
		h.OK("network", "rm", "net10")
	}
}
