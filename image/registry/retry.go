// Package registry brings images from registries into the store and sends them
// there. It speaks HTTP alone: names, blobs and images are the store's.
package registry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// firstRetryDelay doubles with each attempt.
var firstRetryDelay = 500 * time.Millisecond

const (
	// attempts is how often a request is sent in all.
	attempts = 5
	// longestRetryAfter bounds what a server may ask for; longer than that, its
	// answer is passed on.
	longestRetryAfter = 60 * time.Second
)

// retrying repeats requests that have no body to send again and that failed in
// a way that may pass.
type retrying struct {
	inner http.RoundTripper
	delay time.Duration
}

func (t *retrying) RoundTrip(req *http.Request) (*http.Response, error) {
	delay := t.delay
	for attempt := 1; ; attempt++ {
		resp, err := t.inner.RoundTrip(req)
		wait, again := retryAfter(resp, err, delay)
		if !again || attempt == attempts || req.Body != nil && req.Body != http.NoBody {
			return resp, err
		}
		if resp != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
			resp.Body.Close()
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		delay *= 2
	}
}

// retryAfter says whether to try again and when: as the server asks (RFC 9110,
// 10.2.3), else after delay.
func retryAfter(resp *http.Response, err error, delay time.Duration) (time.Duration, bool) {
	if err != nil {
		return delay, passing(err)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	asked := resp.Header.Get("Retry-After")
	if asked == "" {
		return delay, true
	}
	if sec, err := strconv.Atoi(asked); err == nil {
		delay = time.Duration(sec) * time.Second
	} else if at, err := http.ParseTime(asked); err == nil {
		delay = time.Until(at)
	}
	return max(delay, 0), delay <= longestRetryAfter
}

// passing reports whether the network error may not come again: cut and timed
// out connections, not refused ones, unknown hosts or bad certificates.
func passing(err error) bool {
	var network net.Error
	return errors.As(err, &wrongLength{}) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &network) && network.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
