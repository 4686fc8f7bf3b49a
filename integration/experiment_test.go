package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/mvrun/mvrun/integration/lab"
)

// container is one of the four of the experiment.
type container struct {
	host   *lab.Host
	name   string
	vid    int
	ip     string
	onHost string
}

// TestExperiment is what mvrun is for: two hosts, one trunk, two VLANs, four
// containers. Those of one VLAN reach each other across the trunk, those of
// different VLANs don't, and every frame on the trunk is tagged.
func TestExperiment(t *testing.T) {
	t.Parallel()
	host1, host2 := lab.TwoHosts(t)
	trunk := host2.CaptureOn(lab.Trunk)
	containers := []container{
		{host1, "bbox1", 10, "172.16.10.10", "host1"},
		{host1, "bbox2", 20, "172.16.20.10", "host1"},
		{host2, "bbox3", 10, "172.16.10.11", "host2"},
		{host2, "bbox4", 20, "172.16.20.11", "host2"},
	}
	for _, h := range []*lab.Host{host1, host2} {
		for _, vid := range []int{10, 20} {
			h.OK("network", "create", "-d", "macvlan", fmt.Sprintf("--subnet=172.16.%d.0/24", vid),
				fmt.Sprintf("--gateway=172.16.%d.1", vid), "-o", fmt.Sprintf("parent=%s.%d", lab.Trunk, vid), fmt.Sprintf("mac_net%d", vid))
		}
	}
	for _, l := range containers {
		id := l.host.OK("run", "-itd", "--name", l.name, "--ip="+l.ip, "--network", fmt.Sprintf("mac_net%d", l.vid), "busybox")
		if len(id) != 64 {
			t.Errorf("run -d printed %q, 64 hex digits are wanted", id)
		}
	}

	t.Run("ps", func(t *testing.T) { experimentPS(t, containers) })
	t.Run("links", func(t *testing.T) { experimentLinks(t, containers) })
	t.Run("pings", func(t *testing.T) { experimentPings(t, containers) })
	t.Run("frames", func(t *testing.T) { experimentFrames(t, trunk, containers) })
	t.Run("removal", func(t *testing.T) { experimentRemoval(t, containers) })
}

func experimentPS(t *testing.T, containers []container) {
	for _, h := range []*lab.Host{containers[0].host, containers[2].host} {
		var want []string
		for _, l := range containers {
			if l.host == h {
				want = append(want, l.name+" busybox Up")
			}
		}
		got := strings.Split(h.OK("ps", "--format", "{{.Names}} {{.Image}} {{.Status}}"), "\n")
		for i := range got {
			got[i] = strings.Join(strings.Fields(got[i])[:3], " ")
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ps on %s (-want +got):\n%s", containers[0].onHost, diff)
		}
	}
}

// experimentLinks looks from inside: eth0@if…, the address, the route.
func experimentLinks(t *testing.T, containers []container) {
	macs := map[string]string{}
	for _, l := range containers {
		out := l.host.OK("exec", l.name, "ip", "link")
		if !strings.Contains(out, "eth0@if") {
			t.Errorf("%s: no eth0@if… in %s", l.name, out)
		}
		if got := len(strings.Split(l.host.OK("exec", l.name, "ip", "-o", "link"), "\n")); got != 2 {
			t.Errorf("%s: lo and eth0 are wanted: %s", l.name, out)
		}
		if out := l.host.OK("exec", l.name, "ip", "-4", "addr", "show", "eth0"); !strings.Contains(out, l.ip+"/24") {
			t.Errorf("%s: no %s/24 in %s", l.name, l.ip, out)
		}
		if out := l.host.OK("exec", l.name, "ip", "route"); !strings.Contains(out, fmt.Sprintf("default via 172.16.%d.1 dev eth0", l.vid)) {
			t.Errorf("%s: no default route: %s", l.name, out)
		}
		mac := l.host.OK("exec", l.name, "cat", "/sys/class/net/eth0/address")
		if other, ok := macs[mac]; ok {
			t.Errorf("%s and %s have the same MAC %s", l.name, other, mac)
		}
		macs[mac] = l.name
	}
}

func experimentPings(t *testing.T, containers []container) {
	got, want := map[string]bool{}, map[string]bool{}
	type answer struct {
		key string
		ok  bool
	}
	answers := make(chan answer)
	asked := 0
	for _, from := range containers {
		for _, to := range containers {
			if from.name == to.name {
				continue
			}
			key := from.name + " → " + to.name
			want[key] = from.vid == to.vid
			asked++
			go func() {
				answers <- answer{key, from.host.Mvrun("exec", from.name, "ping", "-c", "2", "-W", "2", to.ip).Code == 0}
			}()
		}
	}
	for range asked {
		a := <-answers
		got[a.key] = a.ok
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who is answered (-want +got):\n%s", diff)
	}
}

// experimentFrames reads the trunk back with a packet library.
func experimentFrames(t *testing.T, trunk *lab.Capture, containers []container) {
	count := map[uint16]int{}
	for _, p := range trunk.Frames() {
		vid := lab.VID(p)
		count[vid]++
		if vid != 10 && vid != 20 {
			t.Errorf("a frame with VID %d (0 is untagged) on the trunk: %v", vid, p)
		}
		if a, ok := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok {
			if want := fmt.Sprintf("172.16.%d.", vid); !strings.HasPrefix(a.SrcIP.String(), want) {
				t.Errorf("VID %d carries a packet from %v", vid, a.SrcIP)
			}
		}
	}
	if count[10] == 0 || count[20] == 0 {
		t.Errorf("frames by VID: %v: both VLANs are wanted", count)
	}
	for _, l := range containers {
		if !announced(trunk.Frames(), l.ip, uint16(l.vid)) {
			t.Errorf("%s did not announce %s", l.name, l.ip)
		}
	}
}

// announced reports whether someone said whose address it is (RFC 5227 2.3:
// an ARP packet whose sender and target addresses are the same).
func announced(frames []gopacket.Packet, ip string, vid uint16) bool {
	return slices.ContainsFunc(frames, func(p gopacket.Packet) bool {
		arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP)
		return ok && lab.VID(p) == vid && ipString(arp.SourceProtAddress) == ip && ipString(arp.DstProtAddress) == ip
	})
}

func ipString(b []byte) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(b)), "."), "[]")
}

// experimentRemoval ends it in steps: a sub-interface goes with its last
// container, an address stays claimed while its container is stopped.
func experimentRemoval(t *testing.T, containers []container) {
	host1 := containers[0].host
	host1.OK("stop", "-t", "0", "bbox1")
	host1.OK("start", "bbox1")
	if out := host1.OK("exec", "bbox1", "ip", "-4", "addr", "show", "eth0"); !strings.Contains(out, "172.16.10.10/24") {
		t.Errorf("after stop and start: %s", out)
	}
	host1.Eventually("bbox1 is reached again", func() bool {
		return host1.Mvrun("exec", "bbox1", "ping", "-c", "1", "-W", "2", "172.16.10.11").Code == 0
	})
	for _, l := range containers {
		if r := l.host.Mvrun("network", "rm", fmt.Sprintf("mac_net%d", l.vid)); r.Code == 0 {
			t.Errorf("a network in use was removed: %v", r)
		}
		l.host.OK("rm", "-f", l.name)
		l.host.OK("network", "rm", fmt.Sprintf("mac_net%d", l.vid))
	}
	deadline := time.Now().Add(lab.Within(5 * time.Second))
	for _, h := range []*lab.Host{host1, containers[2].host} {
		for len(h.SubInterfaces()) > 0 && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		if links := h.SubInterfaces(); len(links) > 0 {
			t.Errorf("sub-interfaces after the last rm: %v", links)
		}
	}
}
