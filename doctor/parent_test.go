package doctor

import (
	"net"
	"strings"
	"testing"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func nic(change func(*netlink.LinkAttrs)) *carrier {
	a := netlink.LinkAttrs{Name: "enp0s9", Index: 3, MTU: 1500, Flags: net.FlagUp, RawFlags: unix.IFF_UP | unix.IFF_LOWER_UP}
	if change != nil {
		change(&a)
	}
	return &carrier{link: &netlink.Device{LinkAttrs: a}}
}

func TestCheckState(t *testing.T) {
	for _, c := range []struct {
		change func(*netlink.LinkAttrs)
		status Status
		what   string
	}{
		{nil, OK, "enp0s9 is up and has a carrier"},
		{func(a *netlink.LinkAttrs) { a.RawFlags = unix.IFF_UP }, Broken, "no carrier"},
		{func(a *netlink.LinkAttrs) { a.Flags, a.RawFlags = 0, 0 }, Warning, "is down"},
	} {
		if f := checkState(nic(c.change)); f.Status != c.status || !strings.Contains(f.What, c.what) {
			t.Errorf("%+v, want %s: %s", f, c.status, c.what)
		}
	}
}

func TestCheckMTU(t *testing.T) {
	for mtu, warned := range map[int]bool{1500: false, 9000: false, 1499: true, 1280: true} {
		if f := checkMTU(nic(func(a *netlink.LinkAttrs) { a.MTU = mtu })); (f != nil) != warned {
			t.Errorf("MTU %d: %+v", mtu, f)
		}
	}
}

func TestCheckTags(t *testing.T) {
	on, fixed := ethtool.FeatureState{Active: true, Available: true}, ethtool.FeatureState{Active: true, Available: true, NeverChanged: true}
	for _, c := range []struct {
		driver, asked string
		features      map[string]ethtool.FeatureState
		broken        bool
	}{
		{"kernel", "", nil, false},
		{"kernel", "", map[string]ethtool.FeatureState{"rx-vlan-filter": fixed}, false}, // 8021q tells the card
		{"kernel", "", map[string]ethtool.FeatureState{"vlan-challenged": fixed}, true},
		{"kernel", "ebpf", map[string]ethtool.FeatureState{"rx-vlan-filter": fixed}, true},
		{"ebpf", "", map[string]ethtool.FeatureState{"rx-vlan-filter": fixed}, true},
		{"ebpf", "auto", map[string]ethtool.FeatureState{"rx-vlan-filter": on}, false}, // it is turned off then
		{"ebpf", "", map[string]ethtool.FeatureState{"vlan-challenged": fixed}, false},
	} {
		e := &examination{Patient: Patient{VLANDriver: c.asked}, driver: c.driver}
		n := nic(nil)
		n.features = c.features
		if f := e.checkTags(n); (f != nil) != c.broken {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

// A card that needs nothing done by default gets no warning, but a word when
// the wire shows that it filters.
func TestHypervisors(t *testing.T) {
	for driver, h := range hypervisors {
		if h.do == "" || h.name == "" || !h.benign && h.refuses == "" {
			t.Errorf("%s: %+v", driver, h)
		}
		n := nic(nil)
		n.driver = driver
		if f := checkHypervisor(n); (f == nil) != h.benign {
			t.Errorf("%s: %+v", driver, f)
		}
	}
	if f := checkHypervisor(nic(nil)); f != nil {
		t.Errorf("a card of no hypervisor: %+v", f)
	}
}

func TestHealthy(t *testing.T) {
	if !Healthy([]Finding{{Status: OK}, {Status: Warning}}) || Healthy([]Finding{{Status: OK}, {Status: Broken}}) {
		t.Error("warnings are healthy, what is broken is not")
	}
}
