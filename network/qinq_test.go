package network

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestParseTags(t *testing.T) {
	for s, want := range map[string]Segment{
		"10": {VID: 10}, "100.10": {VID: 10, Outer: 100}, "4094.1": {VID: 1, Outer: 4094},
	} {
		outer, vid, err := parseTags(s)
		if got := (Segment{VID: vid, Outer: outer}); err != nil || got != want || got.Tags() != s {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "100.", ".10", "100.0", "4095.10", "1.2.3", "100.abc"} {
		_, _, err := parseTags(s)
		wants(t, s, err, "a VLAN id is a number from 1 to 4094")
	}
}

func TestResolveQinQ(t *testing.T) {
	newLab(t)
	want := Segment{Parent: trunk, VID: 10, Outer: 100}
	for _, c := range []struct{ parent, vlan string }{{trunk, "100.10"}, {"enp0s9.100.10", ""}} {
		if seg, err := ResolveSegment(c.parent, c.vlan); err != nil || seg != want {
			t.Errorf("%+v: %+v, %v", c, seg, err)
		}
	}
	for parent, want := range map[string]string{
		"enp0s9.1.2.3": "has no such interface", "nope.100.10": "has no such interface", "enp0s9.0.10": "has no such interface",
	} {
		_, err := ResolveSegment(parent, "")
		wants(t, parent, err, want)
	}
}

// The driver with one tag refuses; the kernel that has none says so; a kernel
// that has makes two links, and both go with the last container.
func TestQinQ(t *testing.T) {
	l := newLab(t)
	_, _, err := l.store[0].Plan(Owner{ID: "e"}, []Request{{VLAN: "100.10", Parent: trunk, VLANDriver: driverEBPF}})
	wants(t, "ebpf", err, "VLAN 100.10: a VLAN inside another (QinQ) needs the kernel's 8021q")
	_, err = l.store[0].Create(Config{Name: "q", Segment: Segment{Parent: trunk, VID: 10, Outer: 100}, VLANDriver: driverEBPF})
	wants(t, "ebpf", err, "needs the kernel's 8021q")
	before := l.inventory(0)
	a, err := l.tryStart(0, "a", Request{VLAN: "100.10", Parent: trunk, IP: "10.0.0.1/24"})
	if has8021q(t) {
		must(t, err)
		b := l.start(0, "b", Request{VLAN: "100.20", Parent: trunk, IP: "10.0.1.1/24"})
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
	h, err := openHost()
	must(t, err)
	defer h.Close()
	parent, err := h.LinkByName(trunk)
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
