package monitor

import "time"

// clock is the time that the monitor goes by.
type clock interface {
	Now() time.Time
	// After is like time.After.
	After(d time.Duration) <-chan time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// sleep waits for the time to pass, or for done; true if the time has passed.
func sleep(c clock, done <-chan struct{}, d time.Duration) bool {
	select {
	case <-done:
		return false
	default:
	}
	if d == 0 {
		return true
	}
	select {
	case <-done:
		return false
	case <-c.After(d):
		return true
	}
}
