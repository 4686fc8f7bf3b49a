package integration

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// What the caller ignores is no concern of the container's processes.
func TestIgnoredSignalsAreNotInherited(t *testing.T) {
	h := host(t)
	h.OK("create", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	ignoring := func(args string) string {
		return h.Sh("trap '' INT HUP QUIT TERM TSTP TTIN USR1 PIPE CHLD; " + lab.Program() + " " + args)
	}
	ignoring("start c1")
	for who, got := range map[string]string{
		"the container's first process": h.OK("exec", "c1", "grep", "SigIgn", "/proc/1/status"),
		"a process of exec":             ignoring("exec c1 grep SigIgn /proc/self/status"),
		"run":                           ignoring("run --rm --network none busybox grep SigIgn /proc/self/status"),
	} {
		if strings.Trim(strings.TrimPrefix(got, "SigIgn:"), "\t 0") != "" {
			t.Errorf("%s: %s", who, got)
		}
	}
}

// A file that the caller has open is not kept open by the monitor: a pipe
// ends, and a lock is free, when the caller ends.
func TestDescriptorsAreNotInherited(t *testing.T) {
	h := host(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := h.Command(t.Context(), lab.Program(), "run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	for range 20 { // 3 to 22
		cmd.ExtraFiles = append(cmd.ExtraFiles, writer)
	}
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := reader.SetReadDeadline(time.Now().Add(lab.Within(5 * time.Second))); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("somebody has the other end open: %v", err)
	}
}

// A monitor that is typed by hand does nothing: least of all to the mounts of
// the host.
func TestMonitorByHand(t *testing.T) {
	h := host(t)
	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	id := field(t, h, "c1", "{{.Id}}")
	lock := filepath.Join(h.State, id, "monitor.lock")
	for name, c := range map[string]struct{ command, want string }{
		"no ID":          {"monitor x", `"x" is no container's full ID`},
		"a path":         {"monitor ../../x", `is no container's full ID`},
		"no descriptors": {"monitor " + id, `descriptor 3 is not the container's lock`},
		"no socket":      {"monitor " + id + " 3<" + lock + " 4</dev/null", `descriptor 4 is no socket`},
	} {
		// In a mount namespace of its own, which shares what it does with one above: the stand-in for the host's.
		r := h.Exec(nil, "unshare", "-m", "--propagation", "shared", "sh", "-c",
			"before=$(cat /proc/self/mountinfo); "+lab.Program()+" "+c.command+"; code=$?; "+
				`[ "$before" = "$(cat /proc/self/mountinfo)" ] || echo changed; exit $code`)
		h.CheckRefused(r, 1, regexp.QuoteMeta(c.want))
		if r.Stdout != "" {
			t.Errorf("%s: the host's mounts have changed", name)
		}
	}
}
