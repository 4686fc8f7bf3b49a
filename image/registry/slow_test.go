package registry

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mvrun/mvrun/image"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

func setStalled(t *testing.T, d time.Duration) {
	before := stalled
	stalled = d
	t.Cleanup(func() { stalled = before })
}

// However long it takes: as long as bytes come, nothing is given up or asked for
// again.
func TestPullFromASlowRegistry(t *testing.T) {
	setStalled(t, time.Second)
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 100_000, 1))
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		reg.Inner.ServeHTTP(&it.Drip{ResponseWriter: w, Request: r, Piece: 4 << 10, Pause: 100 * time.Millisecond, Stop: 0}, r)
		return true
	}))
	start := time.Now()
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 2*stalled {
		t.Errorf("the pull took %v: the registry was not slow enough to tell", took)
	}
	if got := reg.BlobGets(); len(got) != 2 {
		t.Errorf("a slow registry was asked %q, want each blob once", got)
	}
	it.Whole(t, s, ref)
}

// A registry that falls silent is asked again for the rest.
func TestPullFromARegistryThatFallsSilent(t *testing.T) {
	setStalled(t, 300*time.Millisecond)
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 100_000, 1))
	config := it.ConfigOf(t, ref)
	var silences atomic.Int32
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) || silences.Add(1) > 2 {
			return false
		}
		reg.Inner.ServeHTTP(&it.Drip{ResponseWriter: w, Request: r, Piece: 10_000, Pause: 0, Stop: 3}, r)
		return true
	}))
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, ref)
	if got := reg.BlobGets(); len(got) < 3 || !strings.Contains(got[len(got)-1], "bytes=") {
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
			reg, s := it.NewRegistry(t), it.Open(t)
			ref, mine := reg.Push(t, "app", it.MakeImage(t, 1000, 1)), reg.Host+"/mine:1"
			it.ImportImage(t, s, mine, strings.Repeat("more than sockets hold", 1<<20))
			reg.SetFault(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err := Pull(ctx, s, it.Ref(ref), PullOptions{})
			if err == nil {
				_, err = Push(ctx, s, it.Ref(mine), PullOptions{})
			}
			if !errors.Is(err, image.ErrUnreachable) || !strings.Contains(err.Error(), "silent") || ctx.Err() != nil {
				t.Errorf("a silent registry is %v, %v; want an error that says so", err, ctx.Err())
			}
		})
	}
}
