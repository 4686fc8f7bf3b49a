package endpoint

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

func TestResolveQinQ(t *testing.T) {
	newLab(t)
	want := network.Segment{Parent: nic, VID: 10, Outer: 100}
	for _, c := range []struct{ parent, vlan string }{{nic, "100.10"}, {"enp0s9.100.10", ""}} {
		if seg, err := trunk.ResolveSegment(c.parent, tagsOrNone(c.vlan)); err != nil || seg != want {
			t.Errorf("%+v: %+v, %v", c, seg, err)
		}
	}
	for parent, want := range map[string]string{
		"enp0s9.1.2.3": "has no such interface", "nope.100.10": "has no such interface", "enp0s9.0.10": "has no such interface",
	} {
		_, err := trunk.ResolveSegment(parent, network.Tags{})
		wants(t, parent, err, want)
	}
}

// The driver with one tag refuses; the kernel that has none says so; a kernel
// that has makes two links, and both go with the last container.
func TestQinQ(t *testing.T) {
	l := newLab(t)
	_, _, err := l.store[0].Plan(network.Owner{ID: "e"}, []network.Request{{VLAN: tags("100.10"), Parent: nic, VLANDriver: network.DriverEBPF}})
	wants(t, "ebpf", err, "VLAN 100.10: a VLAN inside another (QinQ) needs the kernel's 8021q")
	_, err = l.store[0].Create(network.Config{Name: "q", Segment: network.Segment{Parent: nic, VID: 10, Outer: 100}, VLANDriver: network.DriverEBPF})
	wants(t, "ebpf", err, "needs the kernel's 8021q")
	before := l.inventory(0)
	a, err := l.tryStart(0, "a", network.Request{VLAN: tags("100.10"), Parent: nic, IP: address("10.0.0.1/24")})
	if has8021q(t) {
		must(t, err)
		b := l.start(0, "b", network.Request{VLAN: tags("100.20"), Parent: nic, IP: address("10.0.1.1/24")})
		if a.at[0].Link != "enp0s9.100.10" || b.at[0].Link != "enp0s9.100.20" {
			t.Errorf("%+v\n%+v", a.at, b.at)
		}
		l.stop(0, a)
		l.stop(0, b)
	} else {
		wants(t, "none", err, "VLAN 100 on enp0s9: a VLAN inside another (QinQ) is the kernel's work alone, and this kernel has no 8021q")
	}
	l.clean(0, before)
}

// has8021q tries it.
func has8021q(t *testing.T) bool {
	t.Helper()
	h, err := trunk.Open()
	must(t, err)
	defer h.Close()
	parent, err := h.LinkByName(nic)
	must(t, err)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "probe", parent.Attrs().Index
	link := &netlink.Vlan{LinkAttrs: attrs, VlanId: 7, VlanProtocol: netlink.VLAN_PROTOCOL_8021AD}
	err = h.LinkAdd(link)
	if err == unix.EOPNOTSUPP {
		return false
	}
	must(t, err)
	must(t, h.LinkDel(link))
	return true
}
