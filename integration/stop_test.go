package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// A stop, and a restart, whose client is killed meanwhile are finished all the same.
func TestStopOutlivesItsClient(t *testing.T) {
	for _, command := range []string{"stop", "restart"} {
		t.Run(command, func(t *testing.T) {
			h := host(t)
			h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox",
				"sh", "-c", "trap 'echo asked' TERM; echo ready; while :; do sleep 0.1; done")
			said := func(word string) func() bool {
				return func() bool { return strings.Contains(h.OK("logs", "c1"), word) }
			}
			h.Eventually("the container is ready", said("ready"))
			pid := field(t, h, "c1", "{{.State.Pid}}")
			ctx, cancel := context.WithTimeout(context.Background(), lab.Within(time.Minute))
			defer cancel()
			cmd := h.Command(ctx, lab.Program(), command, "-t", "3", "c1")
			if err := h.Start(cmd); err != nil {
				t.Fatal(err)
			}
			h.Eventually("the container is asked to end", said("asked"))
			cmd.Process.Kill()
			cmd.Wait()
			if command == "stop" {
				h.Eventually("it has ended", func() bool {
					return field(t, h, "c1", "{{.State.Status}} {{.State.ExitCode}}") == "exited 137"
				})
				return
			}
			h.Eventually("it runs again", func() bool {
				now := field(t, h, "c1", "{{.State.Status}} {{.State.Pid}}")
				return strings.HasPrefix(now, "running ") && now != "running "+pid
			})
			if count := field(t, h, "c1", "{{.RestartCount}}"); count != "0" {
				t.Errorf("counted as %s restarts of a policy", count)
			}
		})
	}
}
