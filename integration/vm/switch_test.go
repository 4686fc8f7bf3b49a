package vm

import (
	"maps"
	"strings"
	"testing"
)

// A switch as a Linux bridge that knows VLANs: trunk ports to both hosts, and
// an access port of VLAN 10 with a plain machine on it, which has never heard
// of VLANs. No port has the untagged default VLAN 1.
const (
	makeSwitch = `
set -e
ip link add sw type bridge vlan_filtering 1 vlan_default_pvid 0
for port in enp0s9 enp0s10; do
	ip link set $port master sw up
	bridge vlan add dev $port vid 10
	bridge vlan add dev $port vid 20
done
ip netns add plain
ip link add access type veth peer name eth0 netns plain
ip link set access master sw up
bridge vlan add dev access vid 10 pvid untagged
ip link set sw up
ip -n plain addr add 172.16.10.99/24 dev eth0
ip -n plain link set eth0 up`
	removeSwitch = `ip netns del plain; ip link del sw; ip link set enp0s9 down; ip link set enp0s10 down`
)

// acrossSwitch is the experiment with real switching between the hosts.
func acrossSwitch(h hosts) {
	t := h.host1.t
	h.sw.sh(makeSwitch)
	defer h.sw.try("sh", "-c", removeSwitch)
	containers := containersOf(h, toSwitch, "kernel", "ebpf")
	startContainers(t, containers)
	checkPings(t, containers)

	want := map[string]bool{"bbox1": true, "bbox2": false, "bbox3": true, "bbox4": false}
	answers(t, want, func() map[string]bool { return plainReaches(h.sw, containers) })
	trunkWithout20(t, h, containers)
	removeContainers(t, containers)
}

func plainReaches(sw *guest, containers []container) map[string]bool {
	var script strings.Builder
	for _, l := range containers {
		// The plain machine may even ask for an address of another subnet on its wire.
		script.WriteString("{ ping -c 1 -W 2 -I eth0 " + l.ip + " >/dev/null && echo " + l.name + "; } &\n")
	}
	sw.sh("ip -n plain route replace 172.16.20.0/24 dev eth0")
	answered := strings.Fields(sw.sh("ip netns exec plain sh -c '" + script.String() + "wait'"))
	got := map[string]bool{}
	for _, l := range containers {
		got[l.name] = false
	}
	for _, name := range answered {
		got[name] = true
	}
	return got
}

// trunkWithout20: a trunk port that does not allow VLAN 20 cuts it, and nothing
// else, and the doctor says so; what it allows again flows again.
func trunkWithout20(t *testing.T, h hosts, containers []container) {
	// Any machine of the VLAN will do for a gateway to ask for.
	doctor := func(vid, gateway string) string {
		return h.host2.try("mvrun", "doctor", "--parent", toSwitch, "--vlan", vid, "--gateway", gateway).Stdout
	}
	if out := doctor("20", containers[1].ip); !strings.Contains(out, "ok       gateway     "+containers[1].ip+" answers") {
		t.Errorf("doctor on a trunk that allows VLAN 20:\n%s", out)
	}
	h.sw.sh("bridge vlan del dev enp0s10 vid 20")
	if out := doctor("20", containers[1].ip); !strings.Contains(out, "broken   gateway     nothing comes back") || !strings.Contains(out, "make the switch port a trunk that carries VLAN 20 tagged") {
		t.Errorf("doctor on a trunk that does not allow VLAN 20:\n%s", out)
	}
	if out := doctor("10", containers[0].ip); !strings.Contains(out, "ok       gateway") {
		t.Errorf("doctor on the VLAN that is still allowed:\n%s", out)
	}
	want := map[string]bool{"bbox1 → bbox3": true, "bbox3 → bbox1": true, "bbox2 → bbox4": false, "bbox4 → bbox2": false}
	answers(t, want, func() map[string]bool { return samePings(containers) })
	h.sw.sh("bridge vlan add dev enp0s10 vid 20")
	want["bbox2 → bbox4"], want["bbox4 → bbox2"] = true, true
	answers(t, want, func() map[string]bool { return samePings(containers) })
}

// samePings are the pings within each VLAN.
func samePings(containers []container) map[string]bool {
	got := pings([]container{containers[0], containers[2]})
	maps.Copy(got, pings([]container{containers[1], containers[3]}))
	return got
}
