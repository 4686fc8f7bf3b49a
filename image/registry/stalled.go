package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// stalled ends a transfer that moves no byte for so long: TCP alone would wait
// for hours, and for ever on a registry that is alive and silent.
var stalled = 60 * time.Second

// watching is a transport that ends stalled transfers, in both directions.
type watching struct{ inner http.RoundTripper }

func (t *watching) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	watch := func(body io.ReadCloser) *watched {
		return &watched{body, ctx, time.AfterFunc(stalled, func() {
			cancel(silence{req.URL.Host})
		})}
	}
	out := req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = watch(req.Body)
	}
	resp, err := t.inner.RoundTrip(out)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = ending{watch(resp.Body), cancel}
	return resp, nil
}

// silence is the error of a stalled transfer, a net.Error.
type silence struct{ host string }

func (s silence) Error() string { return fmt.Sprintf("%s has been silent for %v", s.host, stalled) }
func (silence) Timeout() bool   { return true }
func (silence) Temporary() bool { return false }

// watched is a body whose every byte puts the end off.
type watched struct {
	io.ReadCloser
	ctx   context.Context
	timer *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.timer.Reset(stalled)
	}
	if err != nil && err != io.EOF && w.ctx.Err() != nil {
		err = context.Cause(w.ctx)
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	return w.ReadCloser.Close()
}

// ending is the body of an answer: the exchange ends with it.
type ending struct {
	*watched
	cancel context.CancelCauseFunc
}

func (e ending) Close() error {
	defer e.cancel(nil)
	return e.watched.Close()
}
