package integration

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// vlanRun is a run that makes everything there is to make: link, claims,
// limits, a log.
func vlanRun(name string, more ...string) []string {
	args := []string{
		"run", "--name", name, "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24",
		"--memory", "64m", "-v", "/data", "--tmpfs", "/scratch",
	}
	return append(append(args, more...), "busybox")
}

// killAt starts the command and ends it by SIGKILL after the time. The
// container's processes are not in its reach: the CLI alone is killed.
func killAt(t *testing.T, h *lab.Host, after time.Duration, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), lab.Within(time.Minute))
	defer cancel()
	cmd := h.Command(ctx, lab.Program(), args...)
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	cmd.Process.Kill()
	cmd.Wait()
}

// moments spreads n of them over a command, from before its first step to
// after its last.
func moments(n int, whole time.Duration) []time.Duration {
	n = lab.Few(n)
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = whole * time.Duration(i) * 12 / time.Duration(10*(n-1))
	}
	return all
}

// truth checks that what mvrun says of the container is so, whatever was
// killed before: then the container can be removed, and its name and address
// can be used again at once.
func truth(t *testing.T, h *lab.Host, name string) {
	t.Helper()
	var state string
	h.Eventually("the state settles", func() bool {
		state = h.OK("ps", "-a", "--filter", "name=^"+name+"$", "--format", "{{.State}}")
		if state == "running" {
			return h.Mvrun("exec", name, "true").Code == 0
		}
		return state == "" || state == "created" || state == "exited" || state == "dead"
	})
	if state != "" {
		h.OK("inspect", name)
		h.OK("logs", name)
		h.OK("rm", "-f", name)
	}
	h.OK(append(vlanRun(name, "--rm"), "true")...)
	h.NothingLeft("state was " + strconv.Quote(state))
}

func TestKillOfRun(t *testing.T) {
	for _, mode := range []string{"-d", "-i", "--rm"} {
		t.Run(mode, func(t *testing.T) {
			h := host(t)
			whole := h.Mvrun(append(vlanRun("c1", "-d"), "sleep", "1000")...).Took
			h.OK("rm", "-f", "c1")
			for _, after := range moments(20, whole) {
				killAt(t, h, after, append(vlanRun("c1", mode), "sleep", "1000")...)
				truth(t, h, "c1")
				if t.Failed() {
					t.Fatalf("killed after %v of %v", after, whole)
				}
			}
		})
	}
}

// The same with the whole machine's mvrun gone at that moment, monitor and
// container too: nobody is left to tidy up but the next command.
func TestKillOfEverythingDuringRun(t *testing.T) {
	h := host(t)
	whole := h.Mvrun(append(vlanRun("c1", "-d"), "sleep", "1000")...).Took
	h.OK("rm", "-f", "c1")
	for _, after := range moments(20, whole) {
		cmd := h.Command(context.Background(), lab.Program(), append(vlanRun("c1", "-d"), "sleep", "1000")...)
		if err := h.Start(cmd); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		h.KillEverything()
		cmd.Wait()
		truth(t, h, "c1")
		if t.Failed() {
			t.Fatalf("killed after %v of %v", after, whole)
		}
	}
}

func TestKillOfOtherCommands(t *testing.T) {
	for _, args := range []string{"stop -t 0", "start", "restart -t 0", "rm -f", "kill", "exec", "pause"} {
		t.Run(args, func(t *testing.T) {
			h := host(t)
			command := strings.Fields(args)
			command = append(command, "c1")
			if command[0] == "exec" {
				command = append(command, "sleep", "1000")
			}
			for _, after := range moments(8, 60*time.Millisecond) {
				h.OK(append(vlanRun("c1", "-d"), "sleep", "1000")...)
				if command[0] == "start" {
					h.OK("stop", "-t", "0", "c1")
				}
				killAt(t, h, after, command...)
				if command[0] == "pause" {
					// What the dead CLI asked for may still happen.
					time.Sleep(300 * time.Millisecond)
					if h.OK("ps", "-aq", "--filter", "status=paused") != "" {
						h.OK("unpause", "c1")
					}
				}
				truth(t, h, "c1")
				if t.Failed() {
					t.Fatalf("killed after %v", after)
				}
			}
		})
	}
}

// initOf is the container's first process and its parent, the monitor.
func initOf(t *testing.T, h *lab.Host, name string) (pid, monitor int) {
	t.Helper()
	pid, err := strconv.Atoi(field(t, h, name, "{{.State.Pid}}"))
	if err != nil || pid <= 1 {
		t.Fatalf("pid %d of %s: %v", pid, name, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nPPid:\t")
	fmt.Sscan(rest, &monitor)
	if monitor <= 1 {
		t.Fatalf("the container's parent is %d, not its monitor", monitor)
	}
	return pid, monitor
}

func TestKillOfTheContainer(t *testing.T) {
	h := host(t)
	h.OK(append(vlanRun("c1", "-d"), "sleep", "1000")...)
	pid, _ := initOf(t, h, "c1")
	syscall.Kill(pid, syscall.SIGKILL)
	if got := h.OK("wait", "c1"); got != "137" {
		t.Errorf("wait says %s, 137 is wanted", got)
	}
	if got := h.OK("ps", "-a", "--format", "{{.Status}}"); !strings.HasPrefix(got, "Exited (137)") {
		t.Errorf("ps says %q", got)
	}
	wantLinks(t, h, "after the death")
	truth(t, h, "c1")
}

// Without its monitor a container can't be watched, logged or stopped in
// order: it ends with it, and the next command says so.
func TestKillOfTheMonitor(t *testing.T) {
	h := host(t)
	for _, next := range [][]string{{"ps", "-a"}, {"inspect", "c1"}, {"start", "c1"}, {"rm", "-f", "c1"}, {"stop", "c1"}, {"network", "ls"}} {
		h.OK(append(vlanRun("c1", "-d"), "sleep", "1000")...)
		pid, monitor := initOf(t, h, "c1")
		syscall.Kill(monitor, syscall.SIGKILL)
		// A command may come while the kernel still takes the processes down.
		if r := h.Mvrun(next...); r.Code != 0 {
			t.Errorf("after the monitor's death: %v", r)
		}
		if next[0] != "start" {
			h.Eventually("the container ends", func() bool {
				return syscall.Kill(pid, 0) == syscall.ESRCH || zombie(pid)
			})
			// The lock goes with the monitor's last thread, a moment after the container.
			h.Eventually("ps shows that nothing runs", func() bool { return h.OK("ps", "-q") == "" })
			if r := h.Mvrun("exec", "c1", "true"); r.Code == 0 {
				t.Errorf("exec in a dead container: %v", r)
			}
		}
		truth(t, h, "c1")
		if t.Failed() {
			t.Fatalf("next command: %v", next)
		}
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	fields := strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:]))
	return fields[0] == "Z" || fields[0] == "X"
}

// After a power cut the containers' records are there, nothing runs, and the
// next commands start them again with the addresses they had.
func TestPowerCut(t *testing.T) {
	h := host(t)
	h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16.20.0/24", "-o", "parent=enp0s9.20", "net20")
	address := map[string]string{}
	for _, name := range []string{"a1", "b1", "c1"} {
		h.OK("run", "-d", "--name", name, "--network", "net20", "busybox", "sleep", "1000")
		address[name] = field(t, h, name, "{{.NetworkSettings.Networks.net20.IPAddress}}")
	}
	h.KillEverything()
	if got := h.OK("ps", "-q"); got != "" {
		t.Errorf("running after the cut: %s", got)
	}
	if got := strings.Fields(h.OK("ps", "-aq")); len(got) != 3 {
		t.Errorf("known after the cut: %v", got)
	}
	wantLinks(t, h, "after the cut and a command")
	for _, name := range []string{"c1", "a1", "b1"} {
		h.OK("start", name)
		if got := field(t, h, name, "{{.NetworkSettings.Networks.net20.IPAddress}}"); got != address[name] {
			t.Errorf("%s had %s and has %s", name, address[name], got)
		}
	}
}
