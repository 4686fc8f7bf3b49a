package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/pace"
)

// patience is the longest that a command may take on a good machine. Far above
// what any needs, since tests run in parallel; a command that needs it hangs.
const patience = 90 * time.Second

// Result is what a command said.
type Result struct {
	Args           []string
	Stdout, Stderr string
	Code           int // 128+n when signal n ended it, as a shell has it
	Took           time.Duration
}

func (r Result) String() string {
	return fmt.Sprintf("%s: exit code %d after %v\nstdout: %s\nstderr: %s",
		strings.Join(r.Args, " "), r.Code, r.Took.Round(time.Millisecond), r.Stdout, r.Stderr)
}

// Command prepares a program of the host; Start or Exec runs it there.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), h.Env...)
	cmd.Dir = h.dir
	// A detached container must not hold the command's pipes open.
	cmd.WaitDelay = Within(10 * time.Second)
	return cmd
}

// Start starts the command inside the host's network namespace. The mount
// namespace stays, as with `nsenter --net`.
func (h *Host) Start(cmd *exec.Cmd) error { return h.Do(cmd.Start) }

// Exec runs a program of the host with this input to its end.
func (h *Host) Exec(stdin io.Reader, name string, args ...string) Result {
	h.t.Helper()
	return h.exec(execution{stdin: stdin, name: name, args: args})
}

// execution is a program to run, with what it gets besides its arguments.
type execution struct {
	stdin io.Reader
	name  string
	args  []string
	env   []string
	files []*os.File
}

func (h *Host) exec(e execution) Result {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Within(patience))
	defer cancel()
	cmd := h.Command(ctx, e.name, e.args...)
	cmd.Env = append(cmd.Env, e.env...)
	cmd.ExtraFiles = e.files
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.stdin, &stdout, &stderr
	began := time.Now()
	err := h.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	r := Result{append([]string{e.name}, e.args...), stdout.String(), stderr.String(), ExitCode(cmd), time.Since(began)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		h.t.Fatalf("no end after %v: %v", Within(patience), r)
	case errors.Is(err, exec.ErrWaitDelay):
		h.t.Fatalf("ended, but something that it started holds its output open: %v", r)
	case err != nil && !errors.As(err, &exit):
		h.t.Fatalf("%v: %v", err, r)
	}
	return r
}

// ExitCode is the code of an ended command, 128+n after a signal.
func ExitCode(cmd *exec.Cmd) int {
	if cmd.ProcessState == nil {
		return -1
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	return 128 + int(cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
}

// Mvrun runs mvrun with these arguments.
func (h *Host) Mvrun(args ...string) Result {
	h.t.Helper()
	return h.Exec(nil, program, args...)
}

// MvrunIn is Mvrun with an input.
func (h *Host) MvrunIn(stdin io.Reader, args ...string) Result {
	h.t.Helper()
	return h.Exec(stdin, program, args...)
}

// OK runs mvrun, which must succeed, and returns its standard output without
// the last line's end.
func (h *Host) OK(args ...string) string {
	h.t.Helper()
	r := h.Mvrun(args...)
	if r.Code != 0 {
		h.t.Fatalf("%v", r)
	}
	return strings.TrimSuffix(r.Stdout, "\n")
}

// Refused runs mvrun, which must fail with this code and with exactly one
// error line, as the output contract has it, that matches the pattern.
func (h *Host) Refused(code int, pattern string, args ...string) Result {
	h.t.Helper()
	r := h.Mvrun(args...)
	h.CheckRefused(r, code, pattern)
	return r
}

// pullNews is what run says before it fetches an image, as Docker does.
var pullNews = regexp.MustCompile(`^Unable to find image '.*' locally|: Pulling from `)

func lastLineIsError(stderr string) bool {
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	return strings.HasPrefix(lines[len(lines)-1], "mvrun: ")
}

// CheckRefused is Refused for a command that has run.
func (h *Host) CheckRefused(r Result, code int, pattern string) {
	h.t.Helper()
	if r.Code != code {
		h.t.Errorf("exit code %d is wanted: %v", code, r)
	}
	lines := 0
	for line := range strings.Lines(r.Stderr) {
		if !strings.HasPrefix(line, "mvrun: warning: ") && !pullNews.MatchString(line) {
			lines++
		}
	}
	if lines != 1 || !lastLineIsError(r.Stderr) {
		h.t.Errorf("one line of error that begins with «mvrun: » is wanted: %v", r)
	}
	if !regexp.MustCompile(pattern).MatchString(r.Stderr) {
		h.t.Errorf("an error like %q is wanted: %v", pattern, r)
	}
}

// Sh runs a shell line on the host, which must succeed.
func (h *Host) Sh(line string) string {
	h.t.Helper()
	r := h.Exec(nil, "sh", "-c", line)
	if r.Code != 0 {
		h.t.Fatalf("%v", r)
	}
	return strings.TrimSuffix(r.Stdout, "\n")
}

// Within is how long something may take here that takes at most d on a good
// machine. Whatever waits in a test asks it, and no test asserts a time that
// depends on how fast the machine is.
func Within(d time.Duration) time.Duration { return pace.Within(d) }

// Few is how often a test does what it does n times on a real machine. With
// -short, in an emulated one, a few must do.
func Few(n int) int {
	if testing.Short() {
		return max(2, n/5)
	}
	return n
}

// Eventually waits for something that happens by itself, and soon.
func (h *Host) Eventually(what string, ok func() bool) {
	h.t.Helper()
	soon := Within(15 * time.Second)
	deadline := time.Now().Add(soon)
	for !ok() {
		if time.Now().After(deadline) {
			h.t.Fatalf("still not so after %v: %s", soon, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
