package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mvrun/mvrun/integration/pace"
)

// program is the mvrun that all hosts run.
var program string

// Init is the first thing that TestMain calls: the lab runs copies of the test
// program for purposes of its own, and from those it does not return.
func Init() {
	if calls := os.Getenv(filterEnv); calls != "" {
		os.Unsetenv(filterEnv)
		fmt.Fprintln(os.Stderr, "lab:", becomeFiltered(calls))
		os.Exit(1)
	}
	if os.Getenv(intruderEnv) != "" {
		intrude()
		os.Exit(0)
	}
}

// Main runs the tests of a package that drives the program, which it finds or
// builds, and returns the exit code. prepare, if any, makes what else they need
// in a directory that goes when they are done.
func Main(m *testing.M, prepare func(dir string) error) int {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "the integration tests make namespaces and containers: run them as root")
		return 1
	}
	dir, err := os.MkdirTemp("", "mvrun-program-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = useProgram(dir)
	}
	if err == nil {
		err = pace.Measure(program, "version")
	}
	if err == nil && prepare != nil {
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := tellSkipped(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// useProgram takes the program named by MVRUN_BIN, or builds one into dir with
// the busybox image embedded.
func useProgram(dir string) error {
	if env := os.Getenv("MVRUN_BIN"); env != "" {
		path, err := filepath.Abs(env)
		if err == nil {
			_, err = os.Stat(path)
		}
		program = path
		return err
	}
	program = filepath.Join(dir, "mvrun")
	build := exec.Command("go", "build", "-tags", "seccomp embedbusybox", "-o", program, "github.com/mvrun/mvrun/cmd/mvrun")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s(make build makes the embedded image; MVRUN_BIN names a built program)", build.Args, err, out)
	}
	return nil
}

// Program is the path of the mvrun under test.
func Program() string { return program }
