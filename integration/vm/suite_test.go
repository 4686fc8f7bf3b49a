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
	"testing"
	"time"
)

// suiteTime is what the whole suite may take in an emulated machine, where each
// start of a container costs a second of processor time, on a busy host.
const suiteTime = 40 * time.Minute

// TestSuite runs the integration suite on Debian's kernel. What is skipped
// there must run on the host's kernel: a test that runs on neither is none.
// MVRUN_VM_SUITE=regexp chooses tests of it.
func TestSuite(t *testing.T) {
	spec := parts.Spec("suite")
	spec.MemoryMB, spec.CPUs = 1024, 2
	g := boot(t, shortDir(t), spec)
	ctx, cancel := context.WithTimeout(context.Background(), suiteTime)
	defer cancel()
	began := time.Now()
	r, err := g.agent.run(ctx, nil, []string{"MVRUN_BIN=/usr/local/bin/mvrun", "MVRUN_VM_SUITE=" + os.Getenv("MVRUN_VM_SUITE")}, "sh", "-c",
		fmt.Sprintf("cd %s && exec ./integration.test -test.v -test.short -test.run \"$MVRUN_VM_SUITE\" -test.timeout=%v 2>&1", suiteDir, suiteTime-time.Minute))
	keep(t, "suite.log", r.Stdout)
	if err != nil {
		t.Fatalf("%v\n%s", err, lastLines(r.Stdout, 100))
	}
	inGuest := readOutcomes(r.Stdout)
	t.Logf("on Debian's kernel, %v: %v", time.Since(began).Round(time.Second), inGuest)
	if r.Code != 0 || inGuest.count(failed) > 0 {
		t.Errorf("exit code %d\n%s", r.Code, failures(r.Stdout))
	}
	if len(inGuest) == 0 {
		t.Fatal("no test ran")
	}
	checkSkipped(t, inGuest)
}

// checkSkipped runs on the host what was skipped in the machine, and prints
// who ran what.
func checkSkipped(t *testing.T, inGuest outcomes) {
	for _, name := range inGuest.with(skipped) {
		here := onHost(t, name)
		t.Logf("%-60s skipped on Debian's kernel, %s on the host's", name, here[name])
		if here[name] != passed {
			t.Errorf("%s runs on neither kernel", name)
		}
	}
}

// onHost runs one test of the suite on the host's kernel.
func onHost(t *testing.T, name string) outcomes {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	test, err := filepath.Abs(programs.Test)
	if err != nil {
		t.Fatal(err)
	}
	var levels []string
	for _, part := range strings.Split(name, "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.CommandContext(ctx, test, "-test.v", "-test.run", strings.Join(levels, "/"))
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "MVRUN_BIN="+programs.Mvrun)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s on the host: %v\n%s", name, err, failures(string(out)))
	}
	return readOutcomes(string(out))
}

// outcome is how a test ended.
type outcome string

const (
	passed  outcome = "PASS"
	failed  outcome = "FAIL"
	skipped outcome = "SKIP"
)

// outcomes are a run's, by the test's name.
type outcomes map[string]outcome

var outcomeLine = regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)

func readOutcomes(log string) outcomes {
	all := outcomes{}
	for _, m := range outcomeLine.FindAllStringSubmatch(log, -1) {
		all[m[2]] = outcome(m[1])
	}
	return all
}

func (o outcomes) with(want outcome) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if o[name] == want {
			names = append(names, name)
		}
	}
	return names
}

func (o outcomes) count(want outcome) int { return len(o.with(want)) }

func (o outcomes) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", o.count(passed), o.count(failed), o.count(skipped))
}

// said is a line in which a failed test, or one of its helpers, says why.
var said = regexp.MustCompile(`^\s+\w+\.go:\d+: |FAIL: testdata/|^panic: |^\s*--- FAIL`)

// failures are the messages of a log, each with the lines that follow it.
func failures(log string) string {
	const follow = 12
	var kept []string
	left := 0
	for _, line := range strings.Split(log, "\n") {
		if said.MatchString(line) {
			left = follow
		} else if outcomeLine.MatchString(line) || strings.HasPrefix(line, "=== ") {
			left = 0
		}
		if left > 0 {
			kept = append(kept, line)
			left--
		}
	}
	return lastLines(strings.Join(kept, "\n"), 200)
}

// keep writes a log where the test's artifacts are, for a look afterwards.
func keep(t *testing.T, name, text string) {
	dir := os.Getenv("MVRUN_VM_LOGS")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

func TestReadOutcomes(t *testing.T) {
	log := "=== RUN   TestA\n    --- SKIP: TestA/b (0.10s)\n--- PASS: TestA (1.00s)\n=== NAME  TestC\n    c_test.go:1: wrong\n        a\n        b\n--- FAIL: TestC (2.00s)\nFAIL\n"
	got := readOutcomes(log)
	if !maps.Equal(got, outcomes{"TestA": passed, "TestA/b": skipped, "TestC": failed}) {
		t.Errorf("%v", got)
	}
	if out := failures(log); out != "    c_test.go:1: wrong\n        a\n        b\n--- FAIL: TestC (2.00s)\nFAIL" {
		t.Errorf("failures: %q", out)
	}
}
