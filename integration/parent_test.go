package integration

import (
	"testing"

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
