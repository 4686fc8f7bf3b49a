package monitor

import (
	"time"

	"github.com/mvrun/mvrun/runtime/container"
)

// Delays between restarts: they double from the first to the longest, and
// begin anew after a run that lasted.
const (
	firstDelay   = 100 * time.Millisecond
	longestDelay = time.Minute
	lastingRun   = 10 * time.Second
)

// restarts decides what follows an exit.
type restarts struct {
	policy container.RestartPolicy
	delay  time.Duration
}

// next tells whether the container starts again after it ran for so long and
// exited with code, being restarted count times before, and how long to wait.
func (r *restarts) next(code int, ran time.Duration, count int, stopped bool) (delay time.Duration, again bool) {
	switch {
	case stopped:
		return 0, false
	case r.policy.Name == container.RestartAlways, r.policy.Name == container.RestartUnlessStopped:
	case r.policy.Name == container.RestartOnFailure && code != 0 && (r.policy.Max == 0 || count < r.policy.Max):
	default:
		return 0, false
	}
	switch {
	case r.delay == 0 || ran >= lastingRun:
		r.delay = firstDelay
	default:
		r.delay = min(2*r.delay, longestDelay)
	}
	return r.delay, true
}
