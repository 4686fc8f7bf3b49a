package vm

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

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

// whoRanWhat is a table of the tests that one of the two kernels skipped.
func whoRanWhat(debian, host outcomes) string {
	var table strings.Builder
	row := func(test, debian, host string) { fmt.Fprintf(&table, "%-60s %-15s %s\n", test, debian, host) }
	row("test", "Debian's kernel", "the host's kernel")
	names := append(debian.with(skipped), host.with(skipped)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		row(name, ran(debian[name]), ran(host[name]))
	}
	return table.String()
}

func ran(o outcome) string {
	return map[outcome]string{passed: "ran", failed: "failed", skipped: "skipped", "": "not there"}[o]
}

// onNeither are the tests that one of the two kernels skipped and the other did
// not pass. Those that have a stand-in here are not the suite's.
func onNeither(debian, host outcomes) []string {
	var names []string
	for _, name := range debian.with(skipped) {
		if host[name] != passed {
			names = append(names, name)
		}
	}
	for _, name := range host.with(skipped) {
		if debian[name] == "" && standIns[name] == "" {
			names = append(names, name)
		}
	}
	return names
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

func TestOnNeither(t *testing.T) {
	debian := outcomes{"TestA": passed, "TestB": skipped, "TestC": skipped, "TestD": skipped}
	host := outcomes{"TestA": skipped, "TestB": passed, "TestC": skipped, "TestE": skipped, "TestPrograms32": skipped}
	if got := onNeither(debian, host); !slices.Equal(got, []string{"TestC", "TestD", "TestE"}) {
		t.Errorf("%v", got)
	}
	table := whoRanWhat(debian, host)
	for _, row := range []string{`TestA +ran +skipped`, `TestB +skipped +ran`, `TestC +skipped +skipped`, `TestD +skipped +not there`} {
		if !regexp.MustCompile(row).MatchString(table) {
			t.Errorf("%s is not in\n%s", row, table)
		}
	}
}
