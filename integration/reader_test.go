package integration

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// A reader may pause for as long as it likes: every byte is there when it goes
// on, although the process that wrote them has long ended.
func TestReaderPauses(t *testing.T) {
	for name, c := range map[string]struct{ command, reader, want string }{
		"exec":          {"exec c1 seq 1 25000", "sleep 2; wc -c", "138894"},
		"exec's stderr": {"exec c1 sh -c 'seq 1 25000 >&2' 2>&1 >/dev/null", "sleep 2; wc -c", "138894"},
		// The second pause begins when the container has ended.
		"run": {"run --rm --name c2 --network none busybox seq 1 200000", "sleep 2; head -c 400000 >/dev/null; sleep 12; wc -c", "888895"},
	} {
		t.Run(name, func(t *testing.T) {
			h := host(t)
			h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
			r := h.Exec(nil, "sh", "-c", lab.Program()+" "+c.command+" | ("+c.reader+")")
			if got := strings.TrimSpace(r.Stdout); got != c.want {
				t.Errorf("%s of %s bytes came: %v", got, c.want, r)
			}
		})
	}
}

// What a process leaves in the background keeps the output open, not the
// command waiting.
func TestExecEndsWithItsProcess(t *testing.T) {
	h := host(t)
	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	if r := h.Mvrun("exec", "c1", "sh", "-c", "sleep 1000 & echo said"); r.Code != 0 || r.Stdout != "said\n" {
		t.Errorf("%v", r)
	}
}

// A client that has stopped reading keeps its own output waiting and nothing
// else: the container restarts, stops and goes, and the client hears all when
// it goes on.
func TestStuckClient(t *testing.T) {
	h := host(t)
	lines := 100_000 // more than pipes and sockets hold
	if testing.Short() {
		lines = 50_000
	}
	h.OK("run", "-d", "--restart", "always", "--name", "c1", "--network", "none", "busybox",
		"sh", "-c", fmt.Sprintf("sleep 1; seq 1 %d; exit 3", lines))
	ctx, cancel := context.WithTimeout(context.Background(), lab.Within(2*time.Minute))
	defer cancel()
	cmd := h.Command(ctx, lab.Program(), "attach", "--no-stdin", "--sig-proxy=false", "c1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	h.Eventually("it has restarted twice", func() bool {
		count := field(t, h, "c1", "{{.RestartCount}}")
		return count != "0" && count != "1"
	})
	h.OK("stop", "-t", "0", "c1")
	h.OK("rm", "-f", "c1")
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Fatalf("the client is gone: %v", err)
	}
	text, _ := io.ReadAll(out)
	cmd.Wait()
	if code := lab.ExitCode(cmd); code != 3 || !strings.HasSuffix(string(text), fmt.Sprintf("\n%d\n", lines)) {
		t.Errorf("the client got %d bytes, exit code %d", len(text), code)
	}
}
