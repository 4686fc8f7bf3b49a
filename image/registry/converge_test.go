package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

func setRetryDelay(t testing.TB, d time.Duration) {
	before := firstRetryDelay
	firstRetryDelay = d
	t.Cleanup(func() { firstRetryDelay = before })
}

// unpackAll reads all layers to their ends and checks them, as unpacking does.
func unpackAll(_ context.Context, layers []v1.Layer) error {
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			return err
		}
		got, _, err := v1.SHA256(r)
		r.Close()
		if err != nil {
			return err
		}
		if want, _ := l.DiffID(); got != want {
			return fmt.Errorf("diff-id is %s instead of %s", got, want)
		}
	}
	return nil
}

const blockPage = "<html><body>This page was blocked by your administrator.</body></html>"

// The ways in which a registry, or what stands before it, answers for a blob.
var faults = map[string]func(reg *it.Registry, w http.ResponseWriter, r *http.Request){
	"cut": func(reg *it.Registry, w http.ResponseWriter, r *http.Request) {
		reg.Inner.ServeHTTP(&it.Cut{ResponseWriter: w, Left: 20_000}, r)
	},
	"page": func(_ *it.Registry, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, blockPage) },
	"page of no length": func(_ *it.Registry, w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, blockPage)
		w.(http.Flusher).Flush()
	},
	"partial page": func(_ *it.Registry, w http.ResponseWriter, r *http.Request) {
		var first int
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", first, first+len(blockPage)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, blockPage)
		w.(http.Flusher).Flush()
	},
	"wrong byte": func(reg *it.Registry, w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		reg.Inner.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		body[len(body)/2] ^= 1
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	},
	"wrong range": func(reg *it.Registry, w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Range", "bytes=1-5000")
		reg.Inner.ServeHTTP(w, r)
	},
	"no range": func(reg *it.Registry, w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		reg.Inner.ServeHTTP(w, r)
	},
	"slow": func(reg *it.Registry, w http.ResponseWriter, r *http.Request) {
		reg.Inner.ServeHTTP(&it.Drip{ResponseWriter: w, Request: r, Piece: 30_000, Pause: time.Millisecond}, r)
	},
	"416": refuse(http.StatusRequestedRangeNotSatisfiable),
	"400": refuse(http.StatusBadRequest),
	"403": refuse(http.StatusForbidden),
	"500": refuse(http.StatusInternalServerError),
}

func refuse(code int) func(*it.Registry, http.ResponseWriter, *http.Request) {
	return func(_ *it.Registry, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// With a registry that is healthy again, the next pull succeeds, always: whatever
// it answered before, in whatever order.
func TestPullConverges(t *testing.T) {
	setRetryDelay(t, time.Millisecond)
	names := make([]string, 0, len(faults))
	for name := range faults {
		names = append(names, name)
	}
	rounds := 80
	if testing.Short() {
		rounds = 10
	}
	reg := it.NewRegistry(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 60_000, 2))
	for round := range rounds {
		rnd := rand.New(rand.NewPCG(uint64(round), 13))
		s := it.Open(t)
		var mu sync.Mutex
		var trace []string
		left := 1 + rnd.IntN(12)
		reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			if left == 0 {
				mu.Unlock()
				return false
			}
			left--
			name := names[rnd.IntN(len(names))]
			trace = append(trace, name)
			mu.Unlock()
			faults[name](reg, w, r)
			return true
		}))
		opt := PullOptions{Unpack: unpackAll}
		for range 3 {
			_, _ = Pull(t.Context(), s, it.Ref(ref), opt) // may fail
		}
		reg.SetFault(nil)
		if _, err := Pull(t.Context(), s, it.Ref(ref), opt); err != nil {
			t.Fatalf("round %d, after %q: %v", round, trace, err)
		}
		it.Whole(t, s, ref)
	}
}

// One cut connection, then a registry that refuses to go on: within the same pull
// it starts again from zero.
func TestPullWhereRangesAreRefused(t *testing.T) {
	setRetryDelay(t, time.Millisecond)
	for _, code := range []int{http.StatusRequestedRangeNotSatisfiable, http.StatusBadRequest, http.StatusForbidden} {
		reg, s := it.NewRegistry(t), it.Open(t)
		ref := reg.Push(t, "app", it.MakeImage(t, 400_000, 1))
		config := it.ConfigOf(t, ref)
		cut := false
		reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case strings.Contains(r.URL.Path, config):
				return false
			case r.Header.Get("Range") != "":
				w.WriteHeader(code)
			case !cut:
				cut = true
				reg.Inner.ServeHTTP(&it.Cut{ResponseWriter: w, Left: 200_000}, r)
			default:
				return false
			}
			return true
		}))
		if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{Unpack: unpackAll}); err != nil {
			t.Errorf("Pull where ranges are answered with %d: %v", code, err)
			continue
		}
		it.Whole(t, s, ref)
	}
}

// A proxy's page with status 200, then a slow, healthy registry: the first pull
// recovers, although unpacking has read the page.
func TestPullAfterABlockPage(t *testing.T) {
	setRetryDelay(t, time.Millisecond)
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 400_000, 1))
	config := it.ConfigOf(t, ref)
	shown := false
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		if !shown {
			shown = true
			faults["page of no length"](reg, w, r)
			return true
		}
		reg.Inner.ServeHTTP(&it.Drip{ResponseWriter: w, Request: r, Piece: 40_000, Pause: 5 * time.Millisecond}, r)
		return true
	}))
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{Unpack: unpackAll}); err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, ref)
}

// What a mirror sent is not gone on with at the registry.
func TestPullDoesNotAddToAMirrorsPage(t *testing.T) {
	setRetryDelay(t, time.Millisecond)
	reg, mirror, s := it.NewRegistry(t), it.NewRegistry(t), it.Open(t)
	img := it.MakeImage(t, 400_000, 1)
	ref := reg.Push(t, "app", img)
	mirror.Push(t, "app", img)
	config := it.ConfigOf(t, ref)
	mirror.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		faults["page of no length"](mirror, w, r)
		return true
	}))
	opt := PullOptions{Unpack: unpackAll, Registries: Registries{Mirrors: map[string][]string{reg.Host: {mirror.Host}}}}
	if _, err := Pull(t.Context(), s, it.Ref(ref), opt); err != nil {
		t.Fatal(err)
	}
	for _, get := range reg.BlobGets() {
		if strings.Contains(get, "bytes=") {
			t.Errorf("the registry was asked for %q: the rest behind the mirror's page", get)
		}
	}
	it.Whole(t, s, ref)
}

// An unpacking error counts when the blob's digest is right.
func TestPullOfWhatCantBeUnpacked(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 1000, 1))
	calls := 0
	_, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{Unpack: func(context.Context, []v1.Layer) error {
		calls++
		return io.ErrShortWrite
	}})
	if !bytes.Contains([]byte(fmt.Sprint(err)), []byte(io.ErrShortWrite.Error())) || calls != 1 {
		t.Errorf("Pull = %v after %d calls, want the unpacking's error after one", err, calls)
	}
}
