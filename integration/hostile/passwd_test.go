package hostile

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// spoils are what an image or a container may have in the place of passwd and
// group: a reader of each waits for good, or reads what is not for it.
var spoils = map[string]string{
	"fifo":    "mkfifo $f",
	"kmsg":    "ln -s /proc/kmsg $f",
	"environ": "ln -s /proc/1/environ $f",
	"zero":    "ln -s /dev/zero $f",
	"loop":    "ln -s $f $f",
}

func spoil(how string) string {
	return "cd /etc; for f in passwd group; do rm -f $f; " + how + "; done"
}

// quick fails the test when the command took so long that it must have waited for
// a container.
func quick(t *testing.T, r lab.Result) lab.Result {
	t.Helper()
	if r.Took > lab.Within(20*time.Second) {
		t.Errorf("it took too long: %v", r)
	}
	return r
}

func TestUserLookupWaitsForNoImage(t *testing.T) {
	for name, how := range spoils {
		t.Run(name, func(t *testing.T) {
			h := host(t)
			h.OK("run", "--name", "maker", "--network", "none", "busybox", "sh", "-c", spoil(how))
			h.OK("commit", "maker", "spoiled")
			h.OK("rm", "maker")
			r := quick(t, h.Mvrun("run", "--rm", "--network", "near", "spoiled", "sh", "-c", "echo $HOME"))
			if r.Code != 0 || r.Stdout != "/\n" {
				t.Error(r)
			}
			quick(t, h.Refused(125, "daemon", "run", "--rm", "-u", "daemon", "--network", "none", "spoiled", "true"))
			quick(t, h.Mvrun("run", "--rm", "-u", "5:6", "--network", "none", "spoiled", "true"))
		})
	}
}

func TestExecWaitsForNoPasswd(t *testing.T) {
	for name, how := range spoils {
		t.Run(name, func(t *testing.T) {
			h := host(t)
			h.OK("run", "-d", "--name", "c1", "--network", "near", "busybox", "sh", "-c", spoil(how)+"; echo ready; sleep 1000")
			ready(t, h, "c1")
			if r := quick(t, h.Mvrun("exec", "c1", "sh", "-c", "echo $HOME")); r.Code != 0 || r.Stdout != "/\n" {
				t.Error(r)
			}
			quick(t, h.Refused(126, "daemon", "exec", "-u", "daemon", "c1", "true"))
			quick(t, h.Mvrun("exec", "-u", "5:6", "c1", "true"))
		})
	}
}

// HOME is what the user says, what the passwd that is mounted says, or the
// image's.
func TestHome(t *testing.T) {
	h := host(t)
	passwd := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(passwd, []byte("me:x:0:0::/mine:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, options := range map[string][]string{
		"/root":  nil,
		"/mine":  {"-v", passwd + ":/etc/passwd:ro"},
		"/given": {"-e", "HOME=/given"},
		"/":      {"-u", "4242"},
	} {
		run := append([]string{"run", "-d", "--network", "none", "--name", "c1"}, options...)
		h.OK(append(run, "busybox", "sh", "-c", "echo $HOME; echo ready; sleep 1000")...)
		ready(t, h, "c1")
		if got := h.OK("logs", "c1"); got != want+"\nready" {
			t.Errorf("%v: HOME is %q, %s is wanted", options, got, want)
		}
		if got := h.OK("exec", "c1", "sh", "-c", "echo $HOME"); got != want {
			t.Errorf("%v: HOME of exec is %q, %s is wanted", options, got, want)
		}
		h.OK("rm", "-f", "c1")
	}
}

// A program that can't be opened, since another one has a lease on it, holds up
// its own exec; with the command that goes.
func TestExecGoesWithItsClient(t *testing.T) {
	h := host(t)
	h.OK("run", "-d", "--name", "c1", "--network", "near", "-v", programDir+":/h:ro", "busybox",
		"sh", "-c", "cp /h/hostile /p; exec /h/hostile lease /p")
	ready(t, h, "c1")
	for _, user := range []string{"0", "5"} {
		exec := h.Command(context.Background(), lab.Program(), "exec", "-u", user, "c1", "/p", "lock")
		if err := h.Start(exec); err != nil {
			t.Fatal(err)
		}
		h.Eventually("exec's init waits", func() bool { return len(inits(h)) > 0 })
		time.Sleep(500 * time.Millisecond) // for it to come to the program
		if len(inits(h)) == 0 {
			t.Fatal("it waits for nothing: the program is not leased")
		}
		if err := exec.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = exec.Wait()
		h.Eventually("exec's init is gone", func() bool { return len(inits(h)) == 0 })
	}
	for range 5 {
		h.OK("exec", "-d", "c1", "sleep", "1000")
	}
	if left := strings.Fields(h.OK("exec", "c1", "pidof", "sleep")); len(left) != 5 {
		t.Errorf("%d of 5 detached programs outlive their commands", len(left))
	}
}

// inits are libcontainer's processes in the host's containers that have not become
// the program.
func inits(h *lab.Host) (pids []string) {
	for _, hierarchy := range []string{"", "/*"} {
		names, _ := filepath.Glob("/sys/fs/cgroup" + hierarchy + h.CgroupParent + "/*/cgroup.procs")
		for _, name := range names {
			procs, _ := os.ReadFile(name)
			for _, pid := range strings.Fields(string(procs)) {
				if comm, _ := os.ReadFile("/proc/" + pid + "/comm"); strings.HasPrefix(string(comm), "runc:") {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}
