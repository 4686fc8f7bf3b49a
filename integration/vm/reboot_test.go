package vm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestReboot: what shall run, runs after a reboot and after a power cut, by
// mvrun.service, with the addresses and MACs that it had.
func TestReboot(t *testing.T) {
	t.Parallel() // with the other tests of one machine
	s := bootSystemd(t, "systemd", NewCable(shortDir(t), "unplugged").End(0))
	s.settled()
	t.Run("systemd's cgroups", func(t *testing.T) { systemdCgroups(s.on(t)) })
	before := makeContainers(s)
	for _, off := range []struct {
		name string
		do   func(*systemdHost)
	}{
		{"reboot", func(s *systemdHost) { s.reboot() }},
		{"power cut", func(s *systemdHost) { s.PowerCut(); s.bootAgain() }},
		{"reboot with a late parent", lateParent},
	} {
		t.Run(off.name, func(t *testing.T) {
			s := s.on(t)
			off.do(s)
			s.settled()
			checkContainers(t, s, before)
		})
	}
	s.sh("mvrun ps -aq | xargs mvrun rm -f && mvrun network rm lan")
	t.Run("power cuts in the middle", func(t *testing.T) { powerCuts(s.on(t)) })
}

// makeContainers makes one of each kind, and returns the addresses of those
// that shall run after a reboot.
func makeContainers(s *systemdHost) map[string]string {
	s.ok("mvrun", "network", "create", "--subnet=172.16.10.0/24", "-o", "parent=enp0s9.10", "lan")
	for _, c := range []string{
		"--restart always --name always --network lan",
		"--restart unless-stopped --name unless --network lan --ip 172.16.10.77",
		"--restart unless-stopped --name stopped --network lan",
		"--restart always --name vlan20 --vlan 20 --parent enp0s9 --ip 172.16.20.5/24",
		"--restart on-failure --name failure --network lan",
		"--name no --network lan",
	} {
		s.sh("mvrun run -d " + c + " busybox sleep 100000")
	}
	s.ok("mvrun", "create", "--restart", "always", "--name", "created", "--network", "lan", "busybox", "sleep", "1")
	s.ok("mvrun", "stop", "-t", "0", "stopped")
	addresses := map[string]string{}
	for _, name := range []string{"always", "unless", "vlan20"} {
		addresses[name] = s.addressOf(name)
	}
	return addresses
}

// addressOf is what the container's eth0 has: MAC and address.
func (s *systemdHost) addressOf(name string) string {
	s.t.Helper()
	out := s.ok("mvrun", "exec", name, "sh", "-c", "cat /sys/class/net/eth0/address; ip -4 -o addr show eth0")
	fields := strings.Fields(out)
	if len(fields) < 5 {
		s.t.Fatalf("eth0 of %s: %s", name, out)
	}
	return fields[0] + " " + fields[4]
}

func checkContainers(t *testing.T, s *systemdHost, want map[string]string) {
	running := strings.Fields(s.ok("mvrun", "ps", "--format", "{{.Names}}"))
	slices.Sort(running)
	if diff := cmp.Diff([]string{"always", "unless", "vlan20"}, running); diff != "" {
		t.Errorf("running (-want +got):\n%s%s", diff, s.try("sh", "-c", "mvrun ps -a; systemctl status mvrun.service; journalctl -b -u mvrun.service"))
		return
	}
	got := map[string]string{}
	for name := range want {
		got[name] = s.addressOf(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-before +after):\n%s", diff)
	}
	all := strings.Fields(s.ok("mvrun", "ps", "-a", "--format", "{{.Names}}"))
	if len(all) != 7 {
		t.Errorf("7 containers are wanted: %v", all)
	}
	if state := s.ok("mvrun", "inspect", "-f", "{{.State.Status}}", "created", "stopped", "no", "failure"); state != "created\nexited\nexited\nexited" {
		t.Errorf("states of created, stopped, no, failure: %q", state)
	}
}

// lateParent boots with a NIC that gets its name only after mvrun.service has
// begun, as slow hardware does.
func lateParent(s *systemdHost) {
	s.reboot("mvrun.nics=late")
	s.eventually("mvrun.service waits", time.Minute, func() bool {
		return s.try("systemctl", "is-active", "mvrun.service").Stdout == "activating\n"
	})
	if r := s.try("mvrun", "ps", "-q"); r.Stdout != "" {
		s.t.Errorf("containers run without their parent: %v", r)
	}
	s.sh("ip link set eth0 name enp0s9")
}

// powerCuts cuts the power in the middle of run, rm, pull and rmi. Afterwards
// everything is there or not, nothing is half there, and no address and no blob
// is lost or doubled.
func powerCuts(s *systemdHost) {
	s.ok("mvrun", "network", "create", "--subnet=172.16.30.0/29", "-o", "parent=enp0s9.30", "small")
	s.putRegistry()
	before := s.imageFiles()
	for i := range 3 {
		s.startRegistry()
		go s.Run(s.t.Context(), nil, "sh", "-c", "while :; do mvrun pull -q "+pulled+"; mvrun rmi "+pulled+"; echo x >>/run/pulls; done")
		go s.Run(s.t.Context(), nil, "sh", "-c", `i=0; while :; do i=$((i+1));
			mvrun run -d --restart always --name cut$i --network small busybox sleep 1000; mvrun rm -f cut$((i-1)); echo x >>/run/runs; done`)
		s.eventually("containers and images come and go", time.Minute, func() bool {
			return s.try("sh", "-c", "test -e /run/pulls && test $(wc -l </run/runs) -ge 2").Code == 0
		})
		time.Sleep(rand.N(2 * time.Second))
		s.PowerCut()
		s.bootAgain()
		s.settled()
		s.consistent(i)
		s.imagesConsistent(i, before)
	}
}

// consistent: every container can be inspected, runs, and is removed; then
// every address of the network is free.
func (s *systemdHost) consistent(round int) {
	s.t.Helper()
	r := s.try("mvrun", "ps", "-a", "--format", "{{.Names}} {{.State}}")
	if r.Code != 0 || r.Stderr != "" || r.Stdout == "" {
		s.t.Errorf("round %d: %v", round, r)
	}
	s.t.Logf("round %d, after the power cut: %q", round, r.Stdout)
	for line := range strings.Lines(r.Stdout) {
		name, state, _ := strings.Cut(strings.TrimSpace(line), " ")
		if state != "running" && state != "created" {
			s.t.Errorf("round %d: %s is %s: %v", round, name, state, s.try("journalctl", "-b", "-u", "mvrun.service"))
		}
		s.ok("mvrun", "inspect", name)
		s.ok("mvrun", "rm", "-f", name)
	}
	claims := s.ok("mvrun", "network", "inspect", "-f", "{{len .Containers}}", "small")
	if claims != "0" {
		s.t.Errorf("round %d: claims after the last rm: %s", round, claims)
	}
	if left := s.sh("find /var/lib/mvrun/containers /var/lib/mvrun/names -mindepth 1 ! -name .lock"); strings.TrimSpace(left) != "" {
		s.t.Errorf("round %d: files after the last rm: %s", round, left)
	}
	for i := range 5 { // 6 hosts, one of them the gateway
		if r := s.try("mvrun", "create", "--name", fmt.Sprint("fill", i), "--network", "small", "busybox"); r.Code != 0 {
			s.t.Fatalf("round %d: address %d of 5: %v", round, i+1, r)
		}
	}
	s.sh("mvrun ps -aq | xargs mvrun rm -f >/dev/null")
}
