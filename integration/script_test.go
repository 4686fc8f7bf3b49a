package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mvrun/mvrun/integration/lab"
)

// TestScript runs testdata/script/*.txtar: the command line as text, on a host
// for each script. See docs/testing.md for the commands that scripts have
// besides testscript's own.
func TestScript(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			h := host(t)
			testscript.RunT(inPlace{t}, testscript.Params{
				Files:           []string{file},
				ContinueOnError: true,
				// A command that hangs fails its script, with what was said before.
				Deadline: time.Now().Add(lab.Within(3 * time.Minute)),
				Setup:    func(env *testscript.Env) error { return scriptHost(h, env) },
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"mvrun": scriptMvrun, "code": scriptCode, "field": scriptField, "retry": scriptRetry,
				},
			})
		})
	}
}

// inPlace runs a script as the test that calls it, and at once: testscript's
// own subtest would wait in parallel while its deadline passes.
type inPlace struct{ *testing.T }

func (inPlace) Parallel()                              {}
func (p inPlace) Run(_ string, f func(t testscript.T)) { f(p) }
func (p inPlace) Verbose() bool                        { return testing.Verbose() }

// Skip: a script may not, see lab.Needs.
func (p inPlace) Skip(args ...any) { p.Fatal(append([]any{"a script skips:"}, args...)...) }

// scriptBin holds the mvrun of all scripts, which runs on the script's host. It
// is written once, before there are threads that fork: a program that a child
// still has open for writing can't be executed (ETXTBSY).
var scriptBin string

func writeScriptBin(dir string) error {
	scriptBin = filepath.Join(dir, "bin")
	if err := os.Mkdir(scriptBin, 0o755); err != nil {
		return err
	}
	wrapper := fmt.Sprintf("#!/bin/sh\nexec nsenter --net=\"$NETNS\" -- %s \"$@\"\n", lab.Program())
	return os.WriteFile(filepath.Join(scriptBin, "mvrun"), []byte(wrapper), 0o755)
}

func scriptHost(h *lab.Host, env *testscript.Env) error {
	env.Setenv("PATH", scriptBin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Vars = append(append(env.Vars, h.Env...), "NETNS="+h.Path())
	return nil
}

// mvrun ARG… runs mvrun; with ! in front it must fail.
func scriptMvrun(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("mvrun", args...)
	if (err != nil) != neg {
		ts.Fatalf("mvrun %s: %v", strings.Join(args, " "), orSucceeded(err))
	}
}

func orSucceeded(err error) error {
	if err == nil {
		return errors.New("unexpected success")
	}
	return err
}

// code N COMMAND ARG… runs the command, which must end with exit code N.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if neg || got != want {
		ts.Fatalf("exit code %d, %d is wanted", got, want)
	}
}

// field CONTAINER TEMPLATE WANT compares one value of inspect exactly.
func scriptField(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(ts.Exec("mvrun", "inspect", "-f", args[1], args[0]))
	got := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	if (got == args[2]) == neg {
		ts.Fatalf("%s of %s is %q", args[1], args[0], got)
	}
}

// retry REGEXP COMMAND ARG… repeats the command until its standard output
// matches, for what happens by itself; 20 seconds at most on a good machine.
func scriptRetry(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(lab.Within(20 * time.Second)); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("never %q: %v", args[0], err)
		}
	}
}
