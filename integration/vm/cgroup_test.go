package vm

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCgroup2 is about limits on a unified hierarchy, without systemd.
func TestCgroup2(t *testing.T) {
	t.Parallel()
	g := boot(t, shortDir(t), parts.Spec("cgroups"))
	limits(g, "/sys/fs/cgroup/mvrun/")
	t.Run("nested", func(t *testing.T) { nested(g.on(t)) })
	g.noCgroups()
}

// systemdCgroups is the same under systemd, which makes the cgroups.
func systemdCgroups(s *systemdHost) {
	if out := s.ok("mvrun", "info"); !strings.Contains(out, "systemd") {
		s.t.Errorf("info does not name the systemd driver: %s", out)
	}
	id := s.ok("mvrun", "run", "-d", "--name", "scope", "--network", "none", "busybox", "sleep", "1000")
	if out := s.try("systemctl", "is-active", "mvrun-"+id+".scope"); out.Stdout != "active\n" {
		s.t.Errorf("the container's scope: %v", out)
	}
	s.ok("mvrun", "rm", "-f", "scope")
	if out := s.try("systemctl", "is-active", "mvrun-"+id+".scope"); out.Stdout == "active\n" {
		s.t.Errorf("the scope is there after rm: %v", out)
	}
	limits(s.guest, "/sys/fs/cgroup/system.slice/mvrun-")
}

// limits checks each limit twice: what the kernel was told, and what it does.
func limits(g *guest, prefix string) {
	t := g.t
	id := g.ok("mvrun", "run", "-d", "--name", "limited", "--network", "none", "--memory", "32m", "--cpus", "0.5", "--pids-limit", "8",
		"busybox", "sleep", "1000")
	cgroup := g.sh("echo " + prefix + id + "*")
	for file, want := range map[string]string{"memory.max": "33554432", "cpu.max": "50000 100000", "pids.max": "8"} {
		if got := g.ok("cat", cgroup+"/"+file); got != want {
			t.Errorf("%s is %q, %q is wanted", file, got, want)
		}
	}
	if r := g.try("mvrun", "exec", "limited", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait"); r.Code == 0 {
		t.Errorf("9 processes where 8 may be: %v", r)
	}
	statsOf(g)
	pause(g, cgroup)
	g.ok("mvrun", "rm", "-f", "limited")
	outOfMemory(g)
}

// statsOf: what stats says is what the limits say and the processes are.
func statsOf(g *guest) {
	out := g.ok("mvrun", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}} {{.CPUPerc}}", "limited")
	if !regexp.MustCompile(`^limited [1-9][0-9.]*[KM]iB / 32MiB [1-9] [0-9.]+%$`).MatchString(out) {
		g.t.Errorf("stats: %q", out)
	}
}

// pause freezes: while paused, nothing in the container goes on.
func pause(g *guest, cgroup string) {
	g.ok("mvrun", "pause", "limited")
	if got := g.ok("cat", cgroup+"/cgroup.events"); !strings.Contains(got, "frozen 1") {
		g.t.Errorf("paused: %s", got)
	}
	if got := g.ok("mvrun", "ps", "--format", "{{.Status}}"); !strings.Contains(got, "(Paused)") {
		g.t.Errorf("ps of a paused container: %s", got)
	}
	g.ok("mvrun", "unpause", "limited")
	if got := g.ok("cat", cgroup+"/cgroup.events"); !strings.Contains(got, "frozen 0") {
		g.t.Errorf("unpaused: %s", got)
	}
}

// outOfMemory: a container that asks for more than its limit is killed, and
// mvrun says what killed it.
func outOfMemory(g *guest) {
	r := g.try("mvrun", "run", "--name", "greedy", "--network", "none", "--memory", "16m", "busybox", "tail", "/dev/zero")
	if r.Code != 137 {
		g.t.Errorf("killed for want of memory: %v", r)
	}
	if got := g.ok("mvrun", "inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", "greedy"); got != "true 137" {
		g.t.Errorf("OOMKilled and exit code: %s", got)
	}
	g.ok("mvrun", "rm", "greedy")
}

// nested: a container's processes see only their own cgroup, and one with the
// right to mount may divide it further.
func nested(g *guest) {
	out := g.ok("mvrun", "run", "--rm", "--network", "none", "busybox", "cat", "/proc/self/cgroup")
	if strings.TrimSpace(out) != "0::/" {
		g.t.Errorf("a container sees its cgroup as %q, not as the root", out)
	}
	out = g.ok("mvrun", "run", "--rm", "--privileged", "--network", "none", "busybox", "sh", "-ec", `
		mkdir /sys/fs/cgroup/self /sys/fs/cgroup/part
		echo $$ >/sys/fs/cgroup/self/cgroup.procs
		echo +pids >/sys/fs/cgroup/cgroup.subtree_control
		echo 5 >/sys/fs/cgroup/part/pids.max
		cat /sys/fs/cgroup/part/pids.max`)
	if out != "5" {
		g.t.Errorf("a privileged container divides its cgroup: %q", out)
	}
}

func (g *guest) noCgroups() {
	g.eventually("no cgroup is left", 10*time.Second, func() bool {
		return g.sh("find /sys/fs/cgroup/mvrun -mindepth 1 -type d") == ""
	})
}
