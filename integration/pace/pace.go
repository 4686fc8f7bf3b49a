// Package pace makes the tests' patience fit the machine. A machine where a page
// fault is dear, or that is emulated, or that others keep busy, needs many times
// as long as a good one: its tests shall be slow and not red. So every deadline is
// written for a good machine, and grows by how much slower this one starts a
// program.
package pace

import (
	"fmt"
	"os/exec"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// good is what a good machine takes to start mvrun, print the version and end:
	// mostly page faults, as of everything that the tests wait for.
	good = 10 * time.Millisecond
	// slowest is where a machine no longer counts as slow, but as broken.
	slowest = 30
	samples = 5
)

// hundredths of the factor; zero is one.
var hundredths atomic.Int64

// Measure times the program, which should start, do nothing and end: a few times,
// of which the median counts.
func Measure(name string, args ...string) error {
	var took []time.Duration
	for range samples {
		began := time.Now()
		if err := exec.Command(name, args...).Run(); err != nil {
			return fmt.Errorf("measure the machine's pace: %w", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	hundredths.Store(int64(100 * factor(took[samples/2])))
	return nil
}

func factor(median time.Duration) float64 {
	return min(max(1, float64(median)/float64(good)), slowest)
}

// Factor is how many times slower this machine is than a good one, at least 1.
func Factor() float64 { return max(1, float64(hundredths.Load())/100) }

// Within is how long something may take here that takes at most d on a good
// machine.
func Within(d time.Duration) time.Duration { return time.Duration(float64(d) * Factor()) }
