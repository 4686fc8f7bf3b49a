package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/pace"
)

// parts and programs are gathered once for all the tests.
var (
	parts    Parts
	programs Programs
)

// workDir has all the files of this run, the machines' among them.
var workDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mvm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	workDir = dir
	os.Setenv("TMPDIR", dir) // also for what is fetched and built
	go cleanUpOnSignal(dir)
	if programs, err = FindPrograms(dir); err == nil {
		err = pace.Measure(programs.Mvrun, "version")
	}
	if err == nil {
		parts, err = Gather(dir, payload())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// cleanUpOnSignal is for Ctrl-C and a job that is cancelled. The machines end
// with this process, see Machine.start; their files take hundreds of megabytes.
func cleanUpOnSignal(dir string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	s := <-signals
	os.RemoveAll(dir)
	fmt.Fprintln(os.Stderr, "ended by", s)
	os.Exit(1)
}

// suiteDir is where the integration suite is in the machines.
const suiteDir = "/usr/local/lib/mvrun/"

func payload() []File {
	files := append(systemdPayload(), []File{
		{Path: "/usr/local/bin/mvrun", From: programs.Mvrun},
		{Path: suiteDir + "integration.test", From: programs.Test},
		{Path: "/etc/apparmor.d/mvrun-default", From: "../../contrib/apparmor/mvrun-default", Mode: 0o644},
	}...)
	scripts, _ := filepath.Glob("../testdata/script/*")
	for _, path := range scripts {
		files = append(files, File{Path: suiteDir + "testdata/script/" + filepath.Base(path), From: path})
	}
	return files
}

// guest is a machine of a test. Whatever goes wrong with it ends the test, and
// the console's last lines are shown.
type guest struct {
	*Machine
	t *testing.T
}

// shortDir is like t.TempDir, with a path short enough for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(workDir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func boot(t *testing.T, dir string, spec Spec) *guest {
	t.Helper()
	began := time.Now()
	m, err := Boot(context.Background(), dir, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s is up after %.1f s", spec.Name, time.Since(began).Seconds())
	return watch(t, m)
}

// watch ends the machine with the test, and shows its console if that failed.
func watch(t *testing.T, m *Machine) *guest {
	g := &guest{m, t}
	t.Cleanup(func() {
		g.PowerCut()
		if t.Failed() {
			t.Log(g.Trouble())
			g.keepConsole()
		}
	})
	return g
}

// on returns the guest for a subtest.
func (g *guest) on(t *testing.T) *guest { return &guest{g.Machine, t} }

// keepConsole keeps the whole log of a failed test.
func (g *guest) keepConsole() {
	text, err := os.ReadFile(g.consoleLog())
	if err != nil {
		return
	}
	path := filepath.Join(logDir(g.t), g.Spec.Name+".console")
	if os.WriteFile(path, text, 0o644) == nil {
		g.t.Logf("the console of %s: %s", g.Spec.Name, path)
	}
}

// logDir is where logs stay after the run: .cache/logs, or where MVRUN_VM_LOGS
// says.
func logDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MVRUN_VM_LOGS")
	if dir == "" {
		dir = ".cache/logs"
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// try runs a command in the machine.
func (g *guest) try(args ...string) Result {
	g.t.Helper()
	return g.tryIn(nil, args...)
}

func (g *guest) tryIn(stdin io.Reader, args ...string) Result {
	g.t.Helper()
	r, err := g.Run(context.Background(), stdin, args...)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// ok runs a command that must succeed, and returns its output without the last
// line's end.
func (g *guest) ok(args ...string) string {
	g.t.Helper()
	r := g.try(args...)
	if r.Code != 0 {
		g.t.Fatalf("on %s, %v", g.Spec.Name, r)
	}
	return strings.TrimSuffix(r.Stdout, "\n")
}

// sh is ok for a line of shell.
func (g *guest) sh(line string) string {
	g.t.Helper()
	return g.ok("sh", "-c", line)
}

// eventually waits for something that happens by itself, and in a machine on a
// good processor of its own within the patience.
func (g *guest) eventually(what string, patience time.Duration, ok func() bool) {
	g.t.Helper()
	patience = g.within(patience)
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatalf("on %s, still not so after %v: %s", g.Spec.Name, patience, what)
		}
	}
}
