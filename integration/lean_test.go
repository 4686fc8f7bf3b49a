package integration

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

// A start costs page faults, above all, and their number hardly varies: what a
// package sets up at its start, and every command pays for, is seen here. It is no
// time, so it holds on any machine. See also make bench.
func TestStartIsLean(t *testing.T) {
	const most = 800 // about 660 today
	var faults []int64
	for range 5 {
		cmd := exec.Command(lab.Program(), "version")
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		faults = append(faults, cmd.ProcessState.SysUsage().(*syscall.Rusage).Minflt)
	}
	slices.Sort(faults)
	if got := faults[len(faults)/2]; got > most {
		t.Errorf("the start of mvrun version takes %d page faults (%v), at most %d are wanted", got, faults, most)
	} else {
		t.Logf("%d page faults (%v)", got, faults)
	}
}
