package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// UseProgram takes the program named by MVRUN_BIN, or builds one into dir with
// the busybox image embedded. Called once, by TestMain.
func UseProgram(dir string) error {
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
