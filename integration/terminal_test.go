package integration

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/mvrun/mvrun/integration/lab"
)

// lineReader gives the lines of a stream with a deadline each.
type lineReader struct{ lines chan string }

func newLineReader(r io.Reader) *lineReader {
	l := &lineReader{make(chan string, 100)}
	go func() {
		defer close(l.lines)
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			l.lines <- scanner.Text()
		}
	}()
	return l
}

func (l *lineReader) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-l.lines:
		return line
	case <-time.After(lab.Within(20 * time.Second)):
		t.Fatal("no line comes")
		return ""
	}
}

// terminal is a person at a terminal that runs a command of the host.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	file *os.File
	ends chan struct{}
	mu   sync.Mutex
	seen strings.Builder // what the screen got and expect has not passed yet
	all  strings.Builder
}

// onTerminal starts mvrun on a terminal of this size.
func onTerminal(t *testing.T, h *lab.Host, rows, cols uint16, args ...string) *terminal {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), lab.Within(2*time.Minute))
	t.Cleanup(cancel)
	term := &terminal{t: t, cmd: h.Command(ctx, lab.Program(), args...), ends: make(chan struct{})}
	err := h.Do(func() (err error) {
		term.file, err = pty.StartWithSize(term.cmd, &pty.Winsize{Rows: rows, Cols: cols})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { term.file.Close() })
	go term.read()
	go func() { term.cmd.Wait(); close(term.ends) }()
	return term
}

func (s *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.file.Read(buf)
		s.mu.Lock()
		s.seen.Write(buf[:n])
		s.all.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// keys are pressed.
func (s *terminal) keys(text string) {
	s.t.Helper()
	if _, err := s.file.WriteString(text); err != nil {
		s.t.Fatalf("type: %v", err)
	}
}

// expect waits until the screen shows the pattern after what the last expect
// found, and returns its groups.
func (s *terminal) expect(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(lab.Within(20 * time.Second)); ; time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		text := s.seen.String()
		if at := re.FindStringSubmatchIndex(text); at != nil {
			s.seen.Reset()
			s.seen.WriteString(text[at[1]:])
			s.mu.Unlock()
			return re.FindStringSubmatch(text)
		}
		s.mu.Unlock()
		if time.Now().After(deadline) {
			s.t.Fatalf("the screen never showed %q; all of it:\n%q", pattern, s.screen())
		}
	}
}

func (s *terminal) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// end waits for the command and returns its exit code.
func (s *terminal) end() int {
	s.t.Helper()
	select {
	case <-s.ends:
		return lab.ExitCode(s.cmd)
	case <-time.After(lab.Within(30 * time.Second)):
		s.t.Fatalf("the command does not end; the screen:\n%q", s.screen())
		return -1
	}
}

const detachKeys = "\x10\x11" // ctrl-p ctrl-q

func TestTerminalOfRun(t *testing.T) {
	h := host(t)
	term := onTerminal(t, h, 33, 101, "run", "-it", "--rm", "--name", "c1", "--network", "none", "busybox", "sh")
	term.expect(`/ # `)
	term.keys("stty size; tty; echo TERM=$TERM\n")
	term.expect(`33 101\r\n/dev/(pts/0|console)\r\nTERM=xterm`)
	if err := pty.Setsize(term.file, &pty.Winsize{Rows: 44, Cols: 155}); err != nil {
		t.Fatal(err)
	}
	h.Eventually("the container's terminal has the new size", func() bool {
		term.keys("echo \"<$(stty size)>\"\n")
		return term.expect(`<(\d+ \d+)>\r\n`)[1] == "44 155"
	})
	// Keys that are signals reach the container's processes, not mvrun.
	term.keys("sleep 1000\n")
	time.Sleep(300 * time.Millisecond)
	term.keys("\x03")
	term.keys("echo back $?\n")
	term.expect(`back 130`)
	term.keys("exit 3\n")
	if code := term.end(); code != 3 {
		t.Errorf("exit code %d, 3 is wanted", code)
	}
}

// Detached by keys the container goes on, and a second visit finds the same
// shell; two at once see the same.
func TestDetachAndReattach(t *testing.T) {
	h := host(t)
	first := onTerminal(t, h, 24, 80, "run", "-it", "--name", "c1", "--network", "none", "busybox", "sh")
	first.expect(`/ # `)
	first.keys("marker=here-still\n")
	first.expect(`/ # `)
	first.keys(detachKeys)
	if code := first.end(); code != 0 {
		t.Errorf("exit code after the detach keys: %d", code)
	}
	if got := field(t, h, "c1", "{{.State.Status}}"); got != "running" {
		t.Fatalf("after the detach: %s", got)
	}
	second := onTerminal(t, h, 30, 90, "attach", "c1")
	second.keys("echo \"<$marker>\"\n")
	second.expect(`<here-still>`)
	third := onTerminal(t, h, 30, 90, "attach", "c1")
	// Only when both are there does the line count.
	h.Eventually("the third sees what the second types", func() bool {
		second.keys("echo together\n")
		time.Sleep(100 * time.Millisecond)
		return strings.Contains(third.screen(), "together")
	})
	third.keys(detachKeys)
	if code := third.end(); code != 0 {
		t.Errorf("exit code after the detach keys: %d", code)
	}
	second.keys("exit 9\n")
	if code := second.end(); code != 9 {
		t.Errorf("attach ended with %d, the container with 9", code)
	}
	if got := field(t, h, "c1", "{{.State.ExitCode}}"); got != "9" {
		t.Errorf("exit code in inspect: %s", got)
	}
}

func TestDetachKeysCanBeChosen(t *testing.T) {
	h := host(t)
	term := onTerminal(t, h, 24, 80, "run", "-it", "--detach-keys", "ctrl-a,x", "--name", "c1", "--network", "none", "busybox", "sh")
	term.expect(`/ # `)
	term.keys(detachKeys + "\x15echo on\n") // the default keys are but keys now
	term.expect(`on\r\n`)
	term.keys("\x01x")
	if code := term.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := field(t, h, "c1", "{{.State.Running}}"); got != "true" {
		t.Errorf("running: %s", got)
	}
}

func TestTerminalOfExec(t *testing.T) {
	h := host(t)
	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	term := onTerminal(t, h, 40, 120, "exec", "-it", "c1", "sh")
	term.expect(`/ # `)
	term.keys("stty size\n")
	term.expect(`40 120`)
	if err := pty.Setsize(term.file, &pty.Winsize{Rows: 50, Cols: 130}); err != nil {
		t.Fatal(err)
	}
	h.Eventually("the exec's terminal has the new size", func() bool {
		term.keys("echo \"<$(stty size)>\"\n")
		return term.expect(`<(\d+ \d+)>\r\n`)[1] == "50 130"
	})
	term.keys("exit 4\n")
	if code := term.end(); code != 4 {
		t.Errorf("exit code %d, 4 is wanted", code)
	}
}

// In a terminal, run IMAGE alone is an interactive shell.
func TestRunAloneInATerminalIsAShell(t *testing.T) {
	h := host(t)
	term := onTerminal(t, h, 24, 80, "run", "--rm", "--network", "none", "busybox")
	term.expect(`/ # `)
	term.keys("echo \"<$((6*7))>\"; exit\n")
	term.expect(`<42>`)
	if code := term.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A terminal is wanted but the input is none: one line, as Docker says it.
func TestTerminalFromAPipeIsRefused(t *testing.T) {
	h := host(t)
	r := h.MvrunIn(strings.NewReader(""), "run", "-it", "--rm", "--network", "none", "busybox", "true")
	h.CheckRefused(r, 1, `not a (TTY|terminal)`)
	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	r = h.MvrunIn(strings.NewReader(""), "exec", "-it", "c1", "true")
	h.CheckRefused(r, 1, `not a (TTY|terminal)`)
}

// Without -t, the signals that the CLI gets are the container's.
func TestSignalsAreForwarded(t *testing.T) {
	h := host(t)
	ctx, cancel := context.WithTimeout(context.Background(), lab.Within(time.Minute))
	defer cancel()
	cmd := h.Command(ctx, lab.Program(), "run", "--rm", "--name", "c1", "--network", "none", "busybox", "sh", "-c",
		`trap 'echo got HUP' HUP; trap 'echo got USR1' USR1; trap 'echo got TERM; exit 6' TERM; echo ready; while :; do sleep 0.1; done`)
	reader, writer := io.Pipe()
	cmd.Stdout = writer
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	out := newLineReader(reader)
	if line := out.next(t); line != "ready" {
		t.Fatalf("got %q", line)
	}
	for _, sig := range []struct {
		name   string
		signal os.Signal
	}{{"HUP", syscall.SIGHUP}, {"USR1", syscall.SIGUSR1}, {"TERM", syscall.SIGTERM}} {
		cmd.Process.Signal(sig.signal)
		if line := out.next(t); line != "got "+sig.name {
			t.Errorf("got %q after SIG%s", line, sig.name)
		}
	}
	cmd.Wait()
	if code := lab.ExitCode(cmd); code != 6 {
		t.Errorf("exit code %d, 6 is wanted", code)
	}
}

// Detached from, a process of exec goes on, with its terminal: somebody takes
// what it writes there.
func TestDetachFromExec(t *testing.T) {
	h := host(t)
	h.OK("run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	const much = "sleep 1; head -c 600000 /dev/zero | tr '\\0' x; " // more than a terminal holds
	const talk = much + much + "tty > /done; exec sleep 2000"
	term := onTerminal(t, h, 24, 80, "exec", "-it", "c1", "sh", "-c", "echo ready; "+talk)
	term.expect(`ready`)
	term.keys(detachKeys)
	term.expect(`read escape sequence`)
	if code := term.end(); code != 0 {
		t.Errorf("exit code after the detach keys: %d, %s", code, term.screen())
	}
	h.OK("exec", "-dt", "c1", "sh", "-c", strings.ReplaceAll(talk, "/done", "/done2"))
	for _, done := range []string{"/done", "/done2"} {
		h.Eventually("it has said all", func() bool {
			return strings.HasPrefix(h.Mvrun("exec", "c1", "cat", done).Stdout, "/dev/pts/")
		})
	}
	if all := h.OK("exec", "c1", "ps", "-o", "args"); strings.Count(all, "\nsleep 2000") != 2 {
		t.Errorf("two processes with terminals live on, not these: %s", all)
	}
	h.OK("stop", "-t", "0", "c1") // the terminals hold up nobody
}
