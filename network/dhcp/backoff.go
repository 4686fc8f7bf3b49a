package dhcp

import (
	"math/rand/v2"
	"time"
)

// retryMin is the least wait between two renewals that go unanswered (RFC 2131
// 4.4.5).
const retryMin = 60 * time.Second

// backoff is the wait for an answer to the nth message, n from 0: 4, 8, 16, 32,
// then always 64 seconds, give or take one (RFC 2131 4.1).
func backoff(n int, random *rand.Rand) time.Duration {
	const base, most, jitter = 4 * time.Second, 64 * time.Second, time.Second
	d := most
	if n < 4 {
		d = base << n
	}
	return d + time.Duration(random.Int64N(int64(2*jitter)+1)) - jitter
}

// retry is when to ask again for a lease that must be kept until a time: after
// half of what is left.
func retry(now, until time.Time) time.Time {
	at := now.Add(max(until.Sub(now)/2, retryMin))
	if at.After(until) {
		return until
	}
	return at
}
