package vm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// container is one of the four of the experiment.
type container struct {
	host     *guest
	name     string
	vid      int
	ip       string
	driver   string // as asked for
	parent   string
	wantsVia string // the driver that must have been chosen
}

func (l container) link() string { return fmt.Sprintf("%s.%d", l.parent, l.vid) }

func containersOf(h hosts, parent, driver1, driver2 string) []container {
	via := map[string]string{"auto": "kernel", "kernel": "kernel", "ebpf": "ebpf"}
	return []container{
		{h.host1, "bbox1", 10, "172.16.10.10", driver1, parent, via[driver1]},
		{h.host1, "bbox2", 20, "172.16.20.10", driver1, parent, via[driver1]},
		{h.host2, "bbox3", 10, "172.16.10.11", driver2, parent, via[driver2]},
		{h.host2, "bbox4", 20, "172.16.20.11", driver2, parent, via[driver2]},
	}
}

// experiment is what mvrun is for, on machines of their own: two hosts, one
// trunk, two VLANs, four containers.
func experiment(h hosts, parent, driver1, driver2 string) {
	t := h.host1.t
	containers := containersOf(h, parent, driver1, driver2)
	startContainers(t, containers)
	for _, l := range containers {
		looksRight(t, l)
	}
	checkPings(t, containers)
	removeContainers(t, containers)
}

func startContainers(t *testing.T, containers []container) {
	onEachHost(containers, func(containers []container) {
		for _, l := range containers {
			network := fmt.Sprintf("mac_net%d", l.vid)
			l.host.ok("mvrun", "network", "create", "-d", "macvlan", fmt.Sprintf("--subnet=172.16.%d.0/24", l.vid),
				fmt.Sprintf("--gateway=172.16.%d.1", l.vid), "-o", "parent="+l.link(), "--vlan-driver", l.driver, network)
			l.host.ok("mvrun", "run", "-itd", "--name", l.name, "--ip="+l.ip, "--network", network, "busybox")
		}
	})
	if t.Failed() {
		t.FailNow()
	}
}

// onEachHost does the containers of each host in order, the hosts at the same time.
func onEachHost(containers []container, do func([]container)) {
	by := map[*guest][]container{}
	for _, l := range containers {
		by[l.host] = append(by[l.host], l)
	}
	var work sync.WaitGroup
	for _, containers := range by {
		work.Go(func() { do(containers) })
	}
	work.Wait()
}

// looksRight looks at what the kernel says of the links, by the iproute2 of
// the machine: nothing of ours.
func looksRight(t *testing.T, l container) {
	want := fmt.Sprintf("vlan protocol 802.1Q id %d ", l.vid)
	if l.wantsVia == "ebpf" {
		want = " ifb "
	}
	if out := l.host.ok("ip", "-d", "link", "show", l.link()); !strings.Contains(out, want) {
		t.Errorf("%s is no %q: %s", l.link(), want, out)
	}
	pid := l.host.ok("mvrun", "inspect", "-f", "{{.State.Pid}}", l.name)
	out := l.host.ok("nsenter", "-t", pid, "-n", "ip", "-d", "link", "show", "eth0")
	if !strings.Contains(out, "eth0@if") || !strings.Contains(out, "macvlan mode bridge") {
		t.Errorf("%s: no eth0@if… with macvlan mode bridge: %s", l.name, out)
	}
	if out := l.host.ok("mvrun", "exec", l.name, "ip", "-4", "addr", "show", "eth0"); !strings.Contains(out, l.ip+"/24") {
		t.Errorf("%s: no %s/24: %s", l.name, l.ip, out)
	}
}

// checkPings asks every container from every other. Those that must answer
// may be slow, so they are asked again; an answer that must not come fails.
func checkPings(t *testing.T, containers []container) {
	t.Helper()
	want := map[string]bool{}
	for _, from := range containers {
		for _, to := range containers {
			if from.name != to.name {
				want[from.name+" → "+to.name] = from.vid == to.vid
			}
		}
	}
	answers(t, want, func() map[string]bool { return pings(containers) })
}

// answers asks until everybody wanted has answered, five times at most.
func answers(t *testing.T, want map[string]bool, ask func() map[string]bool) {
	t.Helper()
	got := map[string]bool{}
	for try := 0; try < 5 && !maps.Equal(want, got); try++ {
		for key, ok := range ask() {
			got[key] = got[key] || ok
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who is answered (-want +got):\n%s", diff)
	}
}

// pings sends from all at once: the ones without an answer take their time.
func pings(containers []container) map[string]bool {
	got := map[string]bool{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, from := range containers {
		asking.Go(func() {
			for to, ok := range from.reaches(containers) {
				mu.Lock()
				got[to] = ok
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	return got
}

// reaches pings the others by one shell in the container: starting one is what
// takes time in an emulated machine.
func (l container) reaches(containers []container) map[string]bool {
	var script strings.Builder
	for _, to := range containers {
		if to.name != l.name {
			fmt.Fprintf(&script, "{ ping -c 1 -W 2 %s >/dev/null && echo %s; } &\n", to.ip, to.name)
		}
	}
	out := l.host.ok("mvrun", "exec", l.name, "sh", "-c", script.String()+"wait")
	answered := strings.Fields(out)
	got := map[string]bool{}
	for _, to := range containers {
		if to.name != l.name {
			got[l.name+" → "+to.name] = slices.Contains(answered, to.name)
		}
	}
	return got
}

// removeContainers removes the experiment: a network in use stays, one without use
// goes, and with the last container of a VLAN its sub-interface.
func removeContainers(t *testing.T, containers []container) {
	onEachHost(containers, func(containers []container) {
		for _, l := range containers {
			network := fmt.Sprintf("mac_net%d", l.vid)
			if r := l.host.try("mvrun", "network", "rm", network); r.Code == 0 {
				t.Errorf("a network in use was removed: %v", r)
			}
			l.host.ok("mvrun", "rm", "-f", l.name)
			l.host.ok("mvrun", "network", "rm", network)
			if links := l.host.links(); slices.Contains(links, l.link()) {
				t.Errorf("%s after the last rm on it: links %v", l.link(), links)
			}
		}
	})
	hosts := map[*guest]bool{}
	for _, l := range containers {
		hosts[l.host] = true
	}
	for g := range maps.Keys(hosts) {
		g.nothingLeft(t)
	}
}

// links are the names of the machine's links.
func (g *guest) links() []string {
	g.t.Helper()
	var names []string
	for _, line := range strings.Split(g.ok("ip", "-o", "-br", "link"), "\n") {
		name, _, _ := strings.Cut(strings.Fields(line)[0], "@")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// nothingLeft fails the test if the machine is not as it was before mvrun.
func (g *guest) nothingLeft(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff([]string{toSwitch, trunk, "lo"}, g.links()); diff != "" {
		t.Errorf("%s: links left over:\n%s", g.Spec.Name, diff)
	}
	for _, line := range []string{
		"tc filter show dev enp0s9 ingress", "tc filter show dev enp0s10 ingress", // nothing on the trunks
		"tc qdisc show | grep clsact || true",
		"find /sys/fs/cgroup/mvrun -mindepth 1 -type d 2>/dev/null || true",
		"grep -v -e ' / ' /proc/self/mountinfo | grep mvrun || true",
		"find /var/lib/mvrun/containers /var/lib/mvrun/names /run/mvrun -mindepth 1 -type f -size +0 2>/dev/null || true",
		"pgrep -x mvrun || true",
	} {
		if out := g.sh(line); out != "" {
			t.Errorf("%s: left over: %s: %s", g.Spec.Name, line, out)
		}
	}
}
