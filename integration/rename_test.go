package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// Who is killed while renaming leaves the container with the one name or the
// other, and the other one free.
func TestKillOfRename(t *testing.T) {
	h := host(t)
	h.OK(append(vlanRun("c1", "-d"), "sleep", "1000")...)
	h.OK("stop", "-t", "0", "c1")
	whole := h.Mvrun("rename", "c1", "c2").Took
	from, to := "c2", "c1"
	for _, after := range moments(20, whole) {
		cmd := h.Command(context.Background(), lab.Program(), "rename", from, to)
		if err := h.Start(cmd); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		h.KillEverything()
		cmd.Wait()
		names := strings.Fields(h.OK("ps", "-a", "--format", "{{.Names}}"))
		if len(names) != 1 || names[0] != from && names[0] != to {
			t.Fatalf("killed after %v of %v: the containers are %v", after, whole, names)
		}
		if names[0] == to {
			from, to = to, from
		}
		h.OK("create", "--name", to, "--network", "none", "busybox")
		h.OK("rm", to)
		h.OK("inspect", from)
	}
	h.OK("start", from)
	h.OK("rm", "-f", from)
}
