package image

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// drip sends the body in pieces with a pause before each; with stop, nothing
// follows the first ones.
type drip struct {
	http.ResponseWriter
	r     *http.Request
	piece int
	pause time.Duration
	stop  int // pieces; 0 is never
}

func (d *drip) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := min(len(p), d.piece)
		if _, err := d.ResponseWriter.Write(p[:k]); err != nil {
			return n, err
		}
		d.ResponseWriter.(http.Flusher).Flush()
		p, n = p[k:], n+k
		if d.stop--; d.stop == 0 {
			<-d.r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		time.Sleep(d.pause)
	}
	return n, nil
}

func setStalled(t *testing.T, d time.Duration) {
	before := stalled
	stalled = d
	t.Cleanup(func() { stalled = before })
}

// However long it takes: as long as bytes come, nothing is given up or asked for
// again.
func TestPullFromASlowRegistry(t *testing.T) {
	setStalled(t, time.Second)
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 100_000, 1))
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		reg.inner.ServeHTTP(&drip{w, r, 4 << 10, 100 * time.Millisecond, 0}, r)
		return true
	}))
	start := time.Now()
	if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 2*stalled {
		t.Errorf("the pull took %v: the registry was not slow enough to tell", took)
	}
	if got := reg.blobGets(); len(got) != 2 {
		t.Errorf("a slow registry was asked %q, want each blob once", got)
	}
	whole(t, s, ref)
}

// A registry that falls silent is asked again for the rest.
func TestPullFromARegistryThatFallsSilent(t *testing.T) {
	setStalled(t, 300*time.Millisecond)
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 100_000, 1))
	config := configOf(t, ref)
	var silences atomic.Int32
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) || silences.Add(1) > 2 {
			return false
		}
		reg.inner.ServeHTTP(&drip{w, r, 10_000, 0, 3}, r)
		return true
	}))
	if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
		t.Fatal(err)
	}
	whole(t, s, ref)
	if got := reg.blobGets(); len(got) < 3 || !strings.Contains(got[len(got)-1], "bytes=") {
		t.Errorf("the registry was asked %q, want a Range request at the end", got)
	}
}

// Not only layers can be late, and not only answers.
func TestRegistryThatFallsSilentElsewhere(t *testing.T) {
	setStalled(t, 300*time.Millisecond)
	tests := map[string]func(http.ResponseWriter, *http.Request) bool{
		"in a manifest": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		},
		"while it is sent a layer": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPatch {
				return false
			}
			time.Sleep(2 * time.Second)
			panic(http.ErrAbortHandler)
		},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			reg, s := newRegistry(t), open(t)
			ref, mine := reg.push(t, "app", makeImage(t, 1000, 1)), reg.host+"/mine:1"
			importImage(t, s, mine, strings.Repeat("more than sockets hold", 1<<20))
			reg.setFault(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err := s.Pull(ctx, ref, PullOptions{})
			if err == nil {
				_, err = s.Push(ctx, mine, PullOptions{})
			}
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "silent") || ctx.Err() != nil {
				t.Errorf("a silent registry is %v, %v; want an error that says so", err, ctx.Err())
			}
		})
	}
}
