package hostile

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// A container that is being made for long, whatever it waits for, ends with a
// signal to its command, and leaves nothing.
func TestSignalEndsABirth(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			h := host(t)
			ctx, cancel := context.WithTimeout(context.Background(), lab.Within(2*time.Minute))
			defer cancel()
			var out strings.Builder
			run := h.Command(ctx, lab.Program(), "run", "-d", "--name", "slow", "--network", "near", "--conflict-probe", "10s", "busybox", "sleep", "1000")
			run.Stderr = &out
			if err := h.Start(run); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { t.Log(out.String()) })
			h.Eventually("its first process waits", func() bool { return len(inits(h)) > 0 })
			began := time.Now()
			if err := run.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = run.Wait()
			if code, took := lab.ExitCode(run), time.Since(began); code != 128+int(sig) || took > lab.Within(20*time.Second) {
				t.Errorf("exit code %d after %v", code, took)
			}
			if left := inits(h); len(left) > 0 {
				t.Errorf("processes %v are left", left)
			}
			h.OK("run", "--rm", "--name", "slow", "--network", "near", "busybox", "true")
		})
	}
}
