package monitor

import (
	"testing"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
)

func TestRestarts(t *testing.T) {
	type step struct {
		code    int
		ran     time.Duration
		count   int
		stopped bool
		delay   time.Duration // negative: no restart
	}
	const no = -1
	for policy, steps := range map[string][]step{
		"no":     {{code: 1, delay: no}},
		"always": {{code: 0, delay: 100 * time.Millisecond}, {code: 1, count: 1, delay: 200 * time.Millisecond}, {count: 2, stopped: true, delay: no}},
		"unless-stopped": {
			{delay: 100 * time.Millisecond},
			{count: 1, delay: 200 * time.Millisecond},
			{count: 2, ran: time.Minute, delay: 100 * time.Millisecond},
			{stopped: true, delay: no},
		},
		"on-failure":   {{code: 0, delay: no}, {code: 1, count: 1000, delay: 100 * time.Millisecond}},
		"on-failure:2": {{code: 1, delay: 100 * time.Millisecond}, {code: 1, count: 1, delay: 200 * time.Millisecond}, {code: 1, count: 2, delay: no}},
	} {
		p, err := container.ParseRestartPolicy(policy)
		if err != nil {
			t.Fatal(err)
		}
		r := &restarts{policy: p}
		for i, s := range steps {
			delay, again := r.next(s.code, s.ran, s.count, s.stopped)
			if again != (s.delay != no) || again && delay != s.delay {
				t.Errorf("%s, step %d: %v %v, want %v", policy, i, delay, again, s.delay)
			}
		}
	}
}

// The delay grows to a minute and no further.
func TestLongestDelay(t *testing.T) {
	r := &restarts{policy: container.RestartPolicy{Name: container.RestartAlways}}
	var last time.Duration
	for range 20 {
		delay, _ := r.next(1, 0, 0, false)
		if delay < last {
			t.Fatalf("%v after %v", delay, last)
		}
		last = delay
	}
	if last != time.Minute {
		t.Errorf("longest delay %v", last)
	}
}
