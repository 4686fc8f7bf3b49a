package endpoint

import (
	"testing"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

func TestResolveSegment(t *testing.T) {
	l := newLab(t)
	long := "enp0s20f0u2c2"
	l.ip(0, "link", "set", nic, "down")
	l.ip(0, "link", "property", "add", "dev", nic, "altname", "the-nic-of-this-host")
	l.ip(0, "link", "add", long, "type", "veth", "peer", "name", "far")
	l.ip(0, "link", "add", "dotted.99", "type", "veth", "peer", "name", "far2")
	for _, c := range []struct {
		parent, vlan string
		seg          network.Segment
		want         string
	}{
		{"enp0s9.10", "", network.Segment{Parent: nic, VID: 10}, ""},
		{"enp0s9", "", network.Segment{Parent: nic, VID: 0}, ""},
		{"enp0s9", "10", network.Segment{Parent: nic, VID: 10}, ""},
		{"the-nic-of-this-host", "10", network.Segment{Parent: nic, VID: 10}, ""},
		{"the-nic-of-this-host", "", network.Segment{Parent: nic, VID: 0}, ""},
		{long + ".10", "", network.Segment{Parent: long, VID: 10}, ""},
		{"dotted.99", "", network.Segment{Parent: "dotted.99", VID: 0}, ""}, // it is there, and is no VLAN
		{"dotted.99.7", "", network.Segment{Parent: "dotted.99", VID: 7}, ""},
		{"nope.10", "", network.Segment{}, "parent nope: this host has no such interface"},
		{"nope", "", network.Segment{}, "parent nope: this host has no such interface"},
		{"nope", "10", network.Segment{}, "parent nope: this host has no such interface"},
		{"enp0s9.4095", "", network.Segment{}, "VLAN 4095: a VLAN id is"},
		{"enp0s9.x", "", network.Segment{}, "VLAN x: a VLAN id is"},
		{".10", "", network.Segment{}, "no such interface"},
		{"", "10", network.Segment{}, "no --parent given and this host has no default route"},
		{"lo", "10", network.Segment{}, "loopback"},
		{"a/../b", "10", network.Segment{}, "no such interface"},
	} {
		seg, err := trunk.ResolveSegment(c.parent, tagsOrNone(c.vlan))
		wants(t, c.parent+"/"+c.vlan, err, c.want)
		if err == nil && seg != c.seg {
			t.Errorf("%s, VLAN %q: %+v", c.parent, c.vlan, seg)
		}
	}
	l.ip(0, "link", "set", nic, "up")
	l.ip(0, "addr", "add", "192.0.2.5/24", "dev", nic)
	l.ip(0, "route", "add", "default", "via", "192.0.2.1")
	if seg, err := trunk.ResolveSegment("", tags("10")); err != nil || seg != (network.Segment{Parent: nic, VID: 10}) {
		t.Errorf("by default route: %+v, %v", seg, err)
	}
}
