package integration

import (
	"strings"
	"testing"

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
