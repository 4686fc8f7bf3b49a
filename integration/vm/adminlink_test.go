package vm

import "strings"

// administratorsLink: a sub-interface that was there is used whatever it is
// called, and is there afterwards as it was.
func administratorsLink(h hosts) {
	g, t := h.host1, h.host1.t
	g.sh("ip link add link enp0s9 name vlan10 type vlan id 10 && ip addr add 172.16.10.1/24 dev vlan10 && ip link set enp0s9 up && ip link set vlan10 up")
	defer g.sh("ip link del vlan10; ip link set enp0s9 down")
	before := g.ok("ip", "-4", "-d", "-o", "addr", "show", "vlan10")
	id := g.ok("mvrun", "run", "-d", "--name", "guest", "--vlan", "10", "--parent", trunk, "--ip", "172.16.10.20/24", "busybox", "sleep", "1000")
	if out := strings.Join(g.links(), " "); strings.Contains(out, trunk+".10") {
		t.Errorf("a second sub-interface of VLAN 10 was made: %s", out)
	}
	pid := g.ok("mvrun", "inspect", "-f", "{{.State.Pid}}", "guest")
	index := g.ok("cat", "/sys/class/net/vlan10/ifindex")
	if out := g.ok("nsenter", "-t", pid, "-n", "ip", "link", "show", "eth0"); !strings.Contains(out, "eth0@if"+index+":") {
		t.Errorf("eth0 of %s is not on vlan10 (index %s): %s", id, index, out)
	}
	g.ok("mvrun", "rm", "-f", "guest")
	if after := g.ok("ip", "-4", "-d", "-o", "addr", "show", "vlan10"); after != before {
		t.Errorf("vlan10 before:\n%s\nafter:\n%s", before, after)
	}
}
