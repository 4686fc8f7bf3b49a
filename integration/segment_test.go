package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/integration/lab"
)

// tenant is a container on a VLAN of the trunk.
type tenant struct {
	name string
	vid  int
}

func (c tenant) start(h *lab.Host, more ...string) {
	args := []string{
		"run", "-d", "--name", c.name, "--vlan", fmt.Sprint(c.vid), "--parent", lab.Trunk,
		"--ip", fmt.Sprintf("172.16.%d.%d/24", c.vid, 10+c.name[0]-'a'),
	}
	h.OK(append(append(args, more...), "busybox", "sleep", "1000")...)
}

// wantLinks compares the sub-interfaces of the host; they may go a moment
// after the command that ended their last container.
func wantLinks(t *testing.T, h *lab.Host, when string, want ...string) {
	t.Helper()
	h.Eventually(fmt.Sprintf("%s: sub-interfaces %v (now %v)", when, want, h.SubInterfaces()), func() bool {
		return slices.Equal(h.SubInterfaces(), want)
	})
}

func permutations(of []tenant) [][]tenant {
	if len(of) <= 1 {
		return [][]tenant{of}
	}
	var all [][]tenant
	for i, first := range of {
		rest := slices.Concat(of[:i], of[i+1:])
		for _, p := range permutations(rest) {
			all = append(all, append([]tenant{first}, p...))
		}
	}
	return all
}

// Two containers on one VLAN, one on another, stopped in every order and by
// every way: a sub-interface is there exactly as long as it has a user, and
// the others keep their link.
func TestSubInterfaceLivesAsLongAsItsUsers(t *testing.T) {
	h := host(t)
	tenants := []tenant{{"a1", 10}, {"b1", 10}, {"c1", 20}}
	ways := [][]string{{"stop", "-t", "0"}, {"rm", "-f"}, {"kill"}}
	orders := permutations(tenants)
	for i, order := range orders {
		if i%(len(orders)/lab.Few(len(orders))) != 0 {
			continue
		}
		for _, c := range tenants {
			c.start(h)
		}
		wantLinks(t, h, "all run", "enp0s9.10", "enp0s9.20")
		left := slices.Clone(tenants)
		for j, c := range order {
			h.OK(append(slices.Clone(ways[(i+j)%len(ways)]), c.name)...)
			left = slices.DeleteFunc(left, func(o tenant) bool { return o == c })
			wantLinks(t, h, fmt.Sprintf("order %v, after %s", order, c.name), linksOf(left)...)
			for _, o := range left {
				if out := h.OK("exec", o.name, "cat", "/sys/class/net/eth0/operstate"); out != "up" && out != "unknown" {
					t.Errorf("order %v: %s lost its link: %s", order, o.name, out)
				}
			}
		}
		h.OK("rm", "-f", "a1", "b1", "c1")
	}
}

func linksOf(tenants []tenant) []string {
	var names []string
	for _, c := range tenants {
		if name := fmt.Sprintf("enp0s9.%d", c.vid); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// A container that ends by itself leaves as one that is stopped does.
func TestSubInterfaceGoesWhenTheProcessEnds(t *testing.T) {
	h := host(t)
	h.OK("run", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "--name", "a1", "busybox", "true")
	wantLinks(t, h, "after the end")
	h.OK("run", "--rm", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.11/24", "busybox", "true")
	wantLinks(t, h, "after --rm")
	h.OK("start", "-a", "a1")
	wantLinks(t, h, "after start -a")
}

// A sub-interface that the administrator made is used, whatever it is called,
// and never deleted. (With the kernel's 8021q; the one of the other driver is
// made by another root here.)
func TestForeignSubInterfaceIsUsedAndKept(t *testing.T) {
	t.Parallel()
	lab.Needs(t, lab.Kernel8021q)
	h, _ := lab.OneHost(t)
	err := h.Link.LinkAdd(&netlink.Vlan{
		LinkAttrs: netlink.LinkAttrs{Name: "vlan10", ParentIndex: h.Find(lab.Trunk).Attrs().Index}, VlanId: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Up("vlan10")
	h.Settled()
	tenant{"a1", 10}.start(h)
	wantLinks(t, h, "running", "vlan10")
	h.OK("rm", "-f", "a1")
	wantLinks(t, h, "after rm", "vlan10")
}

func TestSubInterfaceOfAnotherRootIsUsedAndKept(t *testing.T) {
	t.Parallel()
	first, _ := lab.OneHost(t)
	second := first.SameMachine()
	tenant{"a1", 10}.start(first)
	first.Down("enp0s9.10")             // before Linux 6.2 no link that is up can be renamed
	first.Rename("enp0s9.10", "vlan10") // found by parent and VID, not by its name
	first.Up("vlan10")
	tenant{"b1", 10}.start(second)
	wantLinks(t, first, "both run", "vlan10")
	if r := first.Mvrun("exec", "a1", "ping", "-c", "1", "-W", "2", "172.16.10.11"); r.Code != 0 {
		t.Errorf("the two don't reach each other: %v", r)
	}
	second.OK("rm", "-f", "b1")
	wantLinks(t, first, "the second left", "vlan10")
	if r := first.Mvrun("exec", "a1", "ip", "link", "show", "eth0"); r.Code != 0 {
		t.Errorf("the first lost its link: %v", r)
	}
	first.OK("rm", "-f", "a1")
	wantLinks(t, first, "both left")
}

// The root that made the link leaves first: the other's container keeps it, and
// it goes when a command of the first finds nobody on it.
func TestSubInterfaceOutlivesItsRoot(t *testing.T) {
	t.Parallel()
	first, _ := lab.OneHost(t)
	second := first.SameMachine()
	tenant{"a1", 10}.start(first)
	tenant{"b1", 10}.start(second)
	tenant{"c1", 10}.start(second)
	first.OK("rm", "-f", "a1")
	first.OK("ps")
	wantLinks(t, first, "the other root has two", "enp0s9.10")
	if r := second.Mvrun("exec", "b1", "ping", "-c", "1", "-W", "2", "172.16.10.12"); r.Code != 0 {
		t.Errorf("the other root's containers lost each other: %v", r)
	}
	second.OK("rm", "-f", "b1", "c1")
	first.Eventually("a command of the first removes it", func() bool { first.OK("ps"); return len(first.SubInterfaces()) == 0 })
	// An administrator's macvlan on it is somebody, too.
	tenant{"a1", 10}.start(first)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "mv0", first.Find("enp0s9.10").Attrs().Index
	if err := first.Link.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		t.Fatal(err)
	}
	first.OK("rm", "-f", "a1")
	wantLinks(t, first, "an administrator's macvlan is on it", "enp0s9.10")
	if err := first.Link.LinkDel(first.Find("mv0")); err != nil {
		t.Fatal(err)
	}
	first.OK("ps")
	wantLinks(t, first, "nobody is on it")
}

// Names of interfaces have at most 15 characters (IFNAMSIZ).
func TestSubInterfaceOfALongParentName(t *testing.T) {
	t.Parallel()
	const parent = "enx00163e123456" // 15
	h, _ := lab.OneHost(t)
	h.Down(lab.Trunk)
	h.Rename(lab.Trunk, parent)
	h.Up(parent)
	h.Settled()
	for _, vid := range []string{"10", "4094"} {
		h.OK("run", "-d", "--name", "v"+vid, "--vlan", vid, "--parent", parent, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	}
	if links := h.SubInterfaces(); len(links) != 2 || len(links[0]) > 15 || links[0] == links[1] {
		t.Errorf("sub-interfaces: %v", links)
	}
	h.OK("rm", "-f", "v10", "v4094")
	wantLinks(t, h, "after rm")
}

// Networks with the same parent are what Docker refuses and users want.
func TestSeveralNetworksOnOneParent(t *testing.T) {
	h := host(t)
	for _, n := range []string{"10", "20", "30"} {
		h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16."+n+".0/24", "-o", "parent=enp0s9."+n, "net"+n)
	}
	h.OK("network", "create", "-d", "macvlan", "--subnet", "172.17.10.0/24", "-o", "parent=enp0s9.10", "second10")
	h.OK("run", "-d", "--name", "a1", "--network", "net10", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "b1", "--network", "second10", "busybox", "sleep", "1000")
	h.OK("run", "-d", "--name", "c1", "--network", "net20", "busybox", "sleep", "1000")
	wantLinks(t, h, "three run", "enp0s9.10", "enp0s9.20")
	h.OK("rm", "-f", "a1")
	wantLinks(t, h, "the second network still uses VLAN 10", "enp0s9.10", "enp0s9.20")
}

// Both drivers, asked for by name, with each macvlan mode: frames come out
// tagged and answers come in.
func TestDriversAndModes(t *testing.T) {
	for _, driver := range []string{"kernel", "ebpf"} {
		for _, mode := range []string{"bridge", "vepa", "private", "passthru"} {
			t.Run(driver+"/"+mode, func(t *testing.T) {
				t.Parallel()
				if driver == "kernel" {
					lab.Needs(t, lab.Kernel8021q)
				}
				a, b := lab.TwoHosts(t)
				frames := b.CaptureOn(lab.Trunk)
				for i, h := range []*lab.Host{a, b} {
					h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16.10.0/24", "-o", "parent=enp0s9.10", "-o", "macvlan_mode="+mode, "-o", "vlan_driver="+driver, "net")
					h.OK("run", "-d", "--name", "c1", "--network", "net", "--ip", fmt.Sprintf("172.16.10.1%d", i), "busybox", "sleep", "1000")
				}
				if r := a.Mvrun("exec", "c1", "ping", "-c", "2", "-W", "2", "172.16.10.11"); r.Code != 0 {
					t.Errorf("%v", r)
				}
				for _, p := range frames.Frames() {
					if lab.VID(p) != 10 {
						t.Errorf("VID %d: %v", lab.VID(p), p)
					}
				}
			})
		}
	}
}

// Full-size frames pass: the tag does not count against the MTU.
func TestFullSizeFramesPass(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	for i, h := range []*lab.Host{a, b} {
		h.OK("run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk, "--ip", fmt.Sprintf("172.16.10.1%d/24", i), "busybox", "sleep", "1000")
	}
	if got := a.OK("exec", "c1", "cat", "/sys/class/net/eth0/mtu"); got != "1500" {
		t.Errorf("mtu %s", got)
	}
	if r := a.Mvrun("exec", "c1", "ping", "-c", "2", "-W", "2", "-s", "1472", "172.16.10.11"); r.Code != 0 {
		t.Errorf("%v", r)
	}
	want := noise(lab.Few(8) << 20)
	// With an input that ends, the listening side would hang up before it has all.
	b.OK("exec", "-d", "c1", "sh", "-c", "sleep 60 | nc -l -p 7000 > /tmp/got")
	b.Eventually("it listens", func() bool {
		return strings.Contains(b.OK("exec", "c1", "netstat", "-ltn"), ":7000")
	})
	r := a.MvrunIn(strings.NewReader(string(want)), "exec", "-i", "c1", "sh", "-c", "nc 172.16.10.11 7000")
	if r.Code != 0 {
		t.Errorf("%v", r)
	}
	b.Eventually("all has arrived", func() bool {
		return b.OK("exec", "c1", "stat", "-c", "%s", "/tmp/got") == fmt.Sprint(len(want))
	})
	sameBytes(t, "through TCP", []byte(b.Mvrun("exec", "c1", "cat", "/tmp/got").Stdout), want)
}

// The MAC is the container's own: the same after stop, start and a new
// container of that name; another for another name and for another host.
func TestMACIsStable(t *testing.T) {
	t.Parallel()
	a, b := lab.TwoHosts(t)
	mac := func(h *lab.Host, name string) string {
		return h.OK("exec", name, "cat", "/sys/class/net/eth0/address")
	}
	x, y := tenant{"x1", 10}, tenant{"y1", 10}
	x.start(a)
	y.start(a)
	first := mac(a, "x1")
	if first == mac(a, "y1") {
		t.Error("two containers share a MAC")
	}
	a.OK("restart", "-t", "0", "x1")
	again := mac(a, "x1")
	a.OK("rm", "-f", "x1")
	x.start(a)
	if diff := cmp.Diff([]string{first, first}, []string{again, mac(a, "x1")}); diff != "" {
		t.Errorf("the MAC has changed:\n%s", diff)
	}
	a.OK("rm", "-f", "x1")
	x.start(b)
	if mac(b, "x1") == first {
		t.Error("the same MAC on another host: a duplicate address would go unseen")
	}
	a.OK("run", "-d", "--name", "m1", "--vlan", "10", "--parent", lab.Trunk, "--mac-address", "02:00:5e:10:20:30", "busybox", "sleep", "1000")
	if got := mac(a, "m1"); got != "02:00:5e:10:20:30" {
		t.Errorf("--mac-address: %s", got)
	}
}

// ip netns exec gives its command a mount namespace in which /sys shows the
// namespace's own devices, and no cgroups: people use it all the same.
func TestUnderIPNetnsExec(t *testing.T) {
	h := host(t)
	name := h.NamedNetns()
	out := h.Exec(nil, "ip", "netns", "exec", name, lab.Program(), "run", "-d", "--name", "c1", "--vlan", "10", "--parent", lab.Trunk,
		"--ip", "172.16.10.10/24", "--memory", "64m", "busybox", "sleep", "1000")
	if out.Code != 0 {
		t.Fatalf("%v", out)
	}
	// The same container seen from the other kind of shell, and the other way.
	if got := h.OK("exec", "c1", "hostname", "-i"); got != "172.16.10.10" {
		t.Errorf("hostname -i: %s", got)
	}
	for _, args := range [][]string{{"exec", "c1", "true"}, {"ps"}, {"stop", "-t", "0", "c1"}, {"start", "c1"}, {"rm", "-f", "c1"}} {
		if r := h.Exec(nil, "ip", append([]string{"netns", "exec", name, lab.Program()}, args...)...); r.Code != 0 {
			t.Errorf("%v", r)
		}
	}
}
