package endpoint

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// drivers runs the test with each driver that this kernel has; the other one
// is skipped with what the kernel itself said.
func drivers(t *testing.T, test func(t *testing.T, l *lab, driver network.VLANDriver)) {
	for _, driver := range []network.VLANDriver{network.DriverKernel, network.DriverEBPF} {
		t.Run(string(driver), func(t *testing.T) {
			l := newLab(t)
			if driver == network.DriverKernel {
				need8021q(t)
			}
			test(t, l, driver)
		})
	}
}

func need8021q(t *testing.T) {
	t.Helper()
	h, err := trunk.Open()
	must(t, err)
	defer h.Close()
	link, err := h.LinkByName(nic)
	must(t, err)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "try", link.Attrs().Index
	vlan := &netlink.Vlan{LinkAttrs: attrs, VlanId: 4094}
	err = h.LinkAdd(vlan)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("no 8021q in this kernel: it answers a VLAN link with %q", err)
	}
	must(t, err)
	must(t, h.LinkDel(vlan))
}

func on10(id, driver network.VLANDriver) network.Request {
	return network.Request{VLAN: tags("10"), Parent: nic, VLANDriver: driver}
}

// Two containers on one VLAN and one on another, started and stopped in every
// order: a link is there exactly as long as somebody is on it.
func TestLinksAreCounted(t *testing.T) {
	drivers(t, func(t *testing.T, l *lab, driver network.VLANDriver) {
		before := l.inventory(0)
		type leg struct{ id, vlan string }
		legs := []leg{{"a", "10"}, {"b", "10"}, {"c", "20"}}
		for _, order := range permutations(len(legs)) {
			boxes := map[string]*box{}
			for _, leg := range legs {
				boxes[leg.id] = l.start(0, leg.id, network.Request{VLAN: tags(leg.vlan), Parent: nic, VLANDriver: driver})
				if d := boxes[leg.id].at[0].Driver; d != driver {
					t.Fatalf("driver %s", d)
				}
			}
			if boxes["a"].at[0].LinkIndex != boxes["b"].at[0].LinkIndex {
				t.Error("two links for one VLAN")
			}
			on := map[string]int{"10": 2, "20": 1}
			for _, i := range order {
				l.stop(0, boxes[legs[i].id])
				on[legs[i].vlan]--
				for vlan, n := range on {
					if link, _ := mustHost(t).Find(nic + "." + vlan); (link != nil) != (n > 0) {
						t.Errorf("order %v: %d on VLAN %s, link there: %v", order, n, vlan, link != nil)
					}
				}
			}
			for _, leg := range legs {
				must(t, l.store[0].Release(leg.id))
			}
			l.clean(0, before)
		}
	})
}

func mustHost(t *testing.T) trunk.Handle {
	t.Helper()
	h, err := trunk.Open()
	must(t, err)
	t.Cleanup(h.Close)
	return h
}

func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// Stopping one must not cut the other off (lxd#6416).
func TestTheOtherStaysConnected(t *testing.T) {
	l := newLab(t)
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1")})
	b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2")})
	far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.3")})
	l.stop(0, a)
	b.answers(t, far, true)
}

// A link that is there already is used, whatever it is called and whoever made
// it, and never deleted.
func TestForeignLinkIsUsedAndKept(t *testing.T) {
	drivers(t, func(t *testing.T, l *lab, driver network.VLANDriver) {
		other := newHost(t.TempDir(), filepath.Join(t.TempDir(), "links"), nil)
		owner := network.Owner{ID: "first"}
		eps, _, err := other.Plan(owner, []network.Request{on10("first", driver)})
		must(t, err)
		ns := mustNamespace(t)
		leg, err := other.Attach(t.Context(), ns, owner, eps[0], Hooks{})
		must(t, err)
		defer leg.Stop()
		first := leg.Attachment()
		h := mustHost(t)
		must(t, h.LinkSetDown(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: first.LinkIndex}}))
		must(t, h.LinkSetName(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: first.LinkIndex}}, "vlan10"))

		before := l.inventory(0)
		b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1")})
		if b.at[0].LinkIndex != first.LinkIndex || b.at[0].Link != "vlan10" || b.at[0].Driver != driver {
			t.Errorf("not the link that is there: %+v", b.at[0])
		}
		far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2")})
		b.answers(t, far, true)
		if seg, err := trunk.ResolveSegment("vlan10", network.Tags{}); err != nil || seg != (network.Segment{Parent: nic, VID: 10}) {
			t.Errorf("vlan10 is %+v, %v", seg, err)
		}
		l.stop(0, b)
		l.clean(0, before)
		must(t, other.Detach("first"))
	})
}

// The name of a link is nobody's but the admin's.
func TestNameTaken(t *testing.T) {
	l := newLab(t)
	l.ip(0, "link", "add", "enp0s9.10", "type", "veth", "peer", "name", "far")
	before := l.inventory(0)
	b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1")})
	far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2")})
	if b.at[0].Link == "enp0s9.10" {
		t.Error("a veth was taken for the VLAN")
	}
	b.answers(t, far, true)
	l.stop(0, b)
	l.clean(0, before)
}

func TestLongParentName(t *testing.T) {
	l := newLab(t)
	long := "enp0s20f0u2c2" // enp0s20f0u2c2.10 has 16 characters
	l.cable(long)
	before := l.inventory(0)
	a := l.start(0, "a", network.Request{Parent: long + ".10", IP: address("10.0.0.1")})
	b := l.start(0, "b", network.Request{Parent: long + ".11", IP: address("10.0.1.1")})
	far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: long, IP: address("10.0.0.2")})
	a.answers(t, far, true)
	if a.at[0].Link == b.at[0].Link || len(a.at[0].Link) > 15 {
		t.Errorf("links %s and %s", a.at[0].Link, b.at[0].Link)
	}
	l.stop(0, a)
	l.stop(0, b)
	l.clean(0, before)
}

// What the admin takes away is made again for the next container, and what is
// left of it removed.
func TestHealing(t *testing.T) {
	for name, harm := range map[string]func(l *lab){
		"link deleted": func(l *lab) { l.ip(0, "link", "del", "enp0s9.10") },
		"link down":    func(l *lab) { l.ip(0, "link", "set", "enp0s9.10", "down") },
		"link renamed": func(l *lab) {
			l.ip(0, "link", "set", "enp0s9.10", "down")
			l.ip(0, "link", "set", "enp0s9.10", "name", "x")
		},
		"clsact deleted":    func(l *lab) { l.tc("qdisc", "del", "dev", nic, "clsact") },
		"filter deleted":    func(l *lab) { l.tc("filter", "del", "dev", nic, "ingress", "pref", "10") },
		"promiscuous off":   func(l *lab) { l.ip(0, "link", "set", nic, "promisc", "off") },
		"parent down":       func(l *lab) { l.ip(0, "link", "set", nic, "down") },
		"records destroyed": func(l *lab) { l.damageLedger() },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			before := l.inventory(0)
			a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1"), VLANDriver: network.DriverEBPF})
			far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.3")})
			harm(l)
			b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2"), VLANDriver: network.DriverEBPF})
			b.answers(t, far, true)
			if name != "link deleted" && name != "link down" { // a's macvlan went with its link, or down with it
				a.answers(t, far, true)
			}
			l.stop(0, a)
			b.answers(t, far, true)
			l.stop(0, b)
			if name != "records destroyed" { // then it is nobody's any more, and stays
				l.clean(0, before)
			}
		})
	}
}

func (l *lab) damageLedger() {
	records, _ := filepath.Glob(filepath.Join(l.store[0].Trunk.Dir, "*.json"))
	for _, r := range records {
		must(l.t, os.WriteFile(r, []byte("{"), 0o600))
	}
}

func (l *lab) tc(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("tc", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("tc %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func TestParentGoneUnderRunningContainer(t *testing.T) {
	l := newLab(t)
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1")})
	l.ip(0, "link", "del", nic)
	_, err := l.tryStart(0, "b", network.Request{Network: a.eps[0].Network, IP: address("10.0.0.2")})
	wants(t, "start", err, "parent enp0s9: this host has no such interface")
	// It comes back, with another index.
	l.cable(nic)
	before := l.inventory(0)
	b := l.start(0, "b", network.Request{Network: a.eps[0].Network, IP: address("10.0.0.2")})
	far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.3")})
	b.answers(t, far, true)
	l.stop(0, b)
	l.stop(0, a)
	before = slices.DeleteFunc(before, func(s string) bool { return strings.Contains(s, "enp0s9.10") })
	l.clean(0, before)
}

// The dead don't hold links, and an admin's own filters and settings stay.
func TestReapLinks(t *testing.T) {
	l := newLab(t)
	l.ip(0, "link", "set", nic, "promisc", "on")
	before := l.inventory(0)
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, VLANDriver: network.DriverEBPF})
	b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, VLANDriver: network.DriverEBPF})
	l.dead["a"] = true
	must(t, a.ns.Close())
	must(t, l.store[0].Reap())
	if link, _ := mustHost(t).Find("enp0s9.10"); link == nil {
		t.Fatal("the living one's link is gone")
	}
	l.dead["b"] = true
	must(t, b.ns.Close())
	must(t, l.store[0].Reap())
	must(t, l.store[0].Reap())
	l.clean(0, before)
}

func TestAdminsFiltersStay(t *testing.T) {
	l := newLab(t)
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, VLANDriver: network.DriverEBPF})
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "MIT", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()}})
	must(t, err)
	defer prog.Close()
	must(t, mustHost(t).FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: a.at[0].ParentIndex, Parent: netlink.HANDLE_MIN_INGRESS, Priority: 5000, Protocol: unix.ETH_P_ALL},
		Fd:          prog.FD(), Name: "the admin's", DirectAction: true,
	}))
	l.stop(0, a)
	left := l.inventory(0)
	if !slices.Contains(left, "filter enp0s9 bpf pref 5000") || slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, "pref 10") }) {
		t.Errorf("%s", strings.Join(left, "\n"))
	}
}

func TestRecordsOfAnotherBoot(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	must(t, os.MkdirAll(s.Trunk.Dir, 0o700))
	// In the boot before, enp0s9.10 was ours. In this one it is the admin's.
	l.ip(0, "link", "add", "enp0s9.10", "type", "ifb")
	before := l.inventory(0)
	h := mustHost(t)
	trunkLink, err := h.LinkByName(nic)
	must(t, err)
	mine, err := h.LinkByName("enp0s9.10")
	must(t, err)
	key := trunk.Key{Parent: trunkLink.Attrs().Index, VID: 10}
	rec := fmt.Sprintf(`{"segment":{"parent":"enp0s9","vlan":10},"name":"enp0s9.10","index":%d,"driver":"ebpf","made":true,"epoch":"before/1"}`, mine.Attrs().Index)
	must(t, os.WriteFile(filepath.Join(s.Trunk.Dir, key.String()+".json"), []byte(rec), 0o600))
	must(t, s.Reap())
	l.clean(0, before)
}
