package vm

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/pace"
	"github.com/mvrun/mvrun/integration/where"
)

const (
	// suiteTime is what a machine's share of the suite may take, see
	// Machine.within.
	suiteTime = 10 * time.Minute
	// suiteMachines share the suite. Two with a processor each are faster than
	// one with two: emulated processors wait for each other.
	suiteMachines = 2
	// suiteParallel tests at a time in each: most of them wait most of the time.
	suiteParallel = 3
)

// TestSuite runs the integration suite on Debian's kernel, except for what is
// the same on every kernel (see the package where; MVRUN_VM_ALL runs that too).
// What is skipped there must run on the host's kernel, and the other way round: a
// test that runs on neither is none. MVRUN_VM_SUITE=regexp chooses tests of it.
func TestSuite(t *testing.T) {
	shares := shareOut(suiteTests(t), suiteMachines)
	var specs []Spec
	for i := range shares {
		spec := parts.Spec(fmt.Sprint("suite", i))
		spec.MemoryMB = 1024
		specs = append(specs, spec)
	}
	inGuest := outcomes{}
	var mu sync.Mutex
	var running sync.WaitGroup
	for i, g := range bootAll(t, shortDir(t), specs...) {
		running.Go(func() {
			got := runShare(g, shares[i])
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(inGuest, got)
		})
	}
	running.Wait()
	if len(inGuest) == 0 {
		t.Fatal("no test ran")
	}
	checkSkipped(t, inGuest)
}

// suiteTests are the patterns of the suite's tests: one for each, and of the
// longest, TestScript, one for each script.
func suiteTests(t *testing.T) []string {
	t.Helper()
	which, err := regexp.Compile(os.Getenv("MVRUN_VM_SUITE"))
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for line := range strings.Lines(suiteOnHost(t, "-test.list", ".")) {
		if name := strings.TrimSpace(line); strings.HasPrefix(name, "Test") && name != "TestScript" {
			patterns = append(patterns, name)
		}
	}
	scripts, err := filepath.Glob("../testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 || len(patterns) == 0 {
		t.Fatalf("%d tests and %d scripts: %v", len(patterns), len(scripts), err)
	}
	for _, path := range scripts {
		patterns = append(patterns, "TestScript/"+strings.TrimSuffix(filepath.Base(path), ".txtar"))
	}
	return slices.DeleteFunc(patterns, func(p string) bool { return !which.MatchString(p) || staysOnHost(p) })
}

func staysOnHost(test string) bool {
	if os.Getenv("MVRUN_VM_ALL") != "" || os.Getenv("MVRUN_VM_SUITE") != "" {
		return false
	}
	for _, tests := range where.HostOnly {
		if slices.Contains(tests, test) {
			return true
		}
	}
	return false
}

// shareOut deals the tests out like cards: neighbours are about the same thing
// and take about the same time. No share is empty.
func shareOut(tests []string, n int) [][]string {
	shares := make([][]string, min(n, len(tests)))
	for i, test := range tests {
		shares[i%len(shares)] = append(shares[i%len(shares)], test)
	}
	return shares
}

// runShare runs these tests in the machine. What fails is told as its error.
func runShare(g *guest, tests []string) outcomes {
	t := g.t
	within := g.within(suiteTime)
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	log, err := os.Create(filepath.Join(logDir(t), g.Spec.Name+".log"))
	if err != nil {
		t.Error(err)
		return nil
	}
	defer log.Close()
	var patterns []string
	for _, test := range tests {
		patterns = append(patterns, exactly(test))
	}
	began := time.Now()
	r, err := g.agent.runTo(ctx, log, []string{"MVRUN_BIN=/usr/local/bin/mvrun"}, "sh", "-c", `cd $0 && exec ./integration.test "$@" 2>&1`,
		suiteDir, "-test.v", "-test.short", fmt.Sprint("-test.parallel=", suiteParallel), "-test.run="+strings.Join(patterns, "|"),
		fmt.Sprint("-test.timeout=", within-time.Minute))
	if err != nil {
		t.Errorf("%s: %v\n%s", g.Spec.Name, err, lastLines(r.Stdout, 100))
	}
	got := readOutcomes(r.Stdout)
	t.Logf("on %s, %v: %v", g.Spec.Name, time.Since(began).Round(time.Second), got)
	if r.Code != 0 || got.count(failed) > 0 {
		t.Errorf("on %s, exit code %d\n%s", g.Spec.Name, r.Code, failures(r.Stdout))
	}
	return got
}

// exactly is -test.run's pattern for one test.
func exactly(name string) string {
	var levels []string
	for _, part := range strings.Split(name, "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(levels, "/")
}

// checkSkipped runs on the host what was skipped in the machines, and prints
// who ran what.
func checkSkipped(t *testing.T, inGuest outcomes) {
	onHost := hostSkips()
	for _, name := range inGuest.with(skipped) {
		maps.Copy(onHost, readOutcomes(suiteOnHost(t, "-test.v", "-test.run", exactly(name))))
	}
	t.Logf("\n%s", whoRanWhat(inGuest, onHost))
	for _, name := range onNeither(inGuest, onHost) {
		t.Errorf("%s runs on neither kernel", name)
	}
}

// standIns are the tests here for those of other packages that the host's kernel
// may have skipped.
var standIns = map[string]string{"TestPrograms32": "TestFeatures/32-bit programs"}

// hostSkips are the tests that the suite skipped on the host when it ran there,
// as it wrote them into the file that MVRUN_SKIPPED names: for the table, and to
// see that all of them run here.
func hostSkips() outcomes {
	skips := outcomes{}
	if os.Getenv("MVRUN_VM_SUITE") != "" {
		return skips // they are not asked for
	}
	text, _ := os.ReadFile(os.Getenv("MVRUN_SKIPPED"))
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, ": ")
		skips[name] = skipped
	}
	return skips
}

// suiteOnHost runs the suite's program on the host's kernel.
func suiteOnHost(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), pace.Within(5*time.Minute))
	defer cancel()
	test, err := filepath.Abs(programs.Test)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, test, args...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "MVRUN_BIN="+programs.Mvrun, "MVRUN_SKIPPED=", "TMPDIR=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v on the host: %v\n%s", args, err, failures(string(out)))
	}
	return string(out)
}

func TestShareOut(t *testing.T) {
	for n, want := range map[int]string{1: "[[a b c]]", 2: "[[a c] [b]]", 5: "[[a] [b] [c]]"} {
		if got := fmt.Sprint(shareOut([]string{"a", "b", "c"}, n)); got != want {
			t.Errorf("among %d: %s, %s is wanted", n, got, want)
		}
	}
	if got := exactly("TestA/b.c"); got != `^TestA$/^b\.c$` {
		t.Error(got)
	}
}
