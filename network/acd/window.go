package acd

import (
	"fmt"
	"time"
)

// Bounds of a probe window: shorter is less than a LAN's round trip, longer
// than RFC 5227 itself would take.
const (
	minWindow = 5 * time.Millisecond
	maxWindow = 10 * time.Second
)

// ParseWindow reads the value of --conflict-probe: a duration, or "off", which
// is 0.
func ParseWindow(s string) (time.Duration, error) {
	if s == "off" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("conflict probe %q: give a duration such as 30ms, or off", s)
	}
	if d < minWindow || d > maxWindow {
		return 0, fmt.Errorf("conflict probe %q: give %s to %s, or off", s, minWindow, maxWindow)
	}
	return d, nil
}
