package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/mvrun/mvrun/image"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
	"github.com/mvrun/mvrun/image/store"
)

func TestPullFetchesOnce(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	want := it.MakeImage(t, 100_000, 3)
	ref := reg.Push(t, "team/app:1", want)
	for i, gets := range []int{4, 0} { // three layers and the configuration, then nothing
		img, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := want.ConfigName(); img.ID != id {
			t.Errorf("ID = %s, want %s", img.ID, id)
		}
		if got := reg.BlobGets(); len(got) != gets {
			t.Errorf("pull %d asked for %q, want %d blobs", i, got, gets)
		}
	}
	img := it.Whole(t, s, ref)
	digest, _ := want.Digest()
	if want := reg.Host + "/team/app@" + digest.String(); len(img.RepoDigests) != 1 || img.RepoDigests[0].Familiar() != want {
		t.Errorf("RepoDigests = %q, want %s", img.RepoDigests, want)
	}
	if got := it.FilesIn(t, s.Blobs.IngestDir()); len(got) > 0 {
		t.Errorf("half-made files are left: %q", got)
	}
	if _, err := s.Get(it.Ref(img.RepoDigests[0].String())); err != nil {
		t.Errorf("Get by digest: %v", err)
	}
}

func TestPullResumesACutDownload(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 400_000, 1))
	var cuts atomic.Int32
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if cuts.Add(1) > 2 {
			return false
		}
		reg.Inner.ServeHTTP(&it.Cut{ResponseWriter: w, Left: 200_000}, r)
		return true
	}))
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, ref)
	ranged := 0
	for _, get := range reg.BlobGets() {
		if strings.Contains(get, "bytes=") {
			ranged++
		}
	}
	if ranged == 0 {
		t.Error("the download began all over again, want a Range request")
	}
}

func TestPullOfARegistryWithoutRanges(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 400_000, 1))
	config := it.ConfigOf(t, ref)
	var first atomic.Bool
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		if strings.Contains(r.URL.Path, config) || first.Swap(true) {
			return false
		}
		reg.Inner.ServeHTTP(&it.Cut{ResponseWriter: w, Left: 200_000}, r)
		return true
	}))
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, ref)
}

func TestPullTriesAgain(t *testing.T) {
	for _, code := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		reg, s := it.NewRegistry(t), it.Open(t)
		ref := reg.Push(t, "app", it.MakeImage(t, 1000, 1))
		var failures atomic.Int32
		reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") || failures.Add(1) > 1 {
				return false
			}
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(code)
			return true
		})
		start := time.Now()
		if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
			t.Errorf("after one %d: %v", code, err)
		}
		if waited := time.Since(start); waited < time.Second {
			t.Errorf("after one %d with Retry-After: 1 it waited %v", code, waited)
		}
	}
}

func TestPullRefusesWrongBytes(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 100_000, 1))
	config := it.ConfigOf(t, ref)
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.Inner.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		body[len(body)/2] ^= 1
		w.Header().Set("Content-Length", rec.Header().Get("Content-Length"))
		_, _ = w.Write(body)
		return true
	}))
	_, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{})
	if !errors.Is(err, image.ErrDigest) {
		t.Errorf("Pull = %v, want image.ErrDigest", err)
	}
	it.Nothing(t, s)
}

func TestPullExplains(t *testing.T) {
	reg := it.NewRegistry(t)
	ref := reg.Push(t, "app:1", it.MakeImage(t, 1000, 1))
	arm := reg.Push(t, "arm:1", it.WithPlatform(t, it.MakeImage(t, 1000, 1), v1.Platform{OS: "linux", Architecture: "s390x"}))
	artifact := reg.Push(t, "artifact:1", mutate.ConfigMediaType(it.MakeImage(t, 1000, 1), "application/vnd.example.thing"))
	index := reg.Host + "/index:1"
	it.PushIndex(t, index, map[string]v1.Image{"linux/s390x": it.MakeImage(t, 900, 1)})
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	tests := []struct {
		ref  string
		is   error
		says string
	}{
		{reg.Host + "/nothing:1", image.ErrNotFound, reg.Host},
		{reg.Host + "/app:2", image.ErrNotFound, "app:2"},
		{strings.TrimSuffix(ref, "1") + "latest", image.ErrNotFound, ""},
		{arm, image.ErrPlatform, "s390x"},
		{index, image.ErrPlatform, "s390x"},
		{artifact, nil, "another kind of artifact"},
		{strings.TrimPrefix(secure.URL, "https://") + "/app", nil, "certificate"},
		{strings.TrimPrefix(closed.URL, "http://") + "/app", image.ErrUnreachable, "refuses the connection"},
		{"registry.invalid/app", image.ErrUnreachable, "DNS"},
	}
	for _, tt := range tests {
		s := it.Open(t)
		_, err := Pull(t.Context(), s, it.Ref(tt.ref), PullOptions{})
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Pull(%s) = %v, want %v saying %q", tt.ref, err, tt.is, tt.says)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("Pull(%s): the error has several lines: %q", tt.ref, err)
		}
		if images, _ := s.List(); len(images) > 0 {
			t.Errorf("Pull(%s) failed and left an image", tt.ref)
		}
	}
}

// deniedBy is the registry that the error names.
func deniedBy(err error) string {
	var denied image.Denied
	errors.As(err, &denied)
	return denied.Host
}

func TestPullDenied(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app:1", it.MakeImage(t, 1000, 1))
	for _, code := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") {
				w.WriteHeader(code)
				return true
			}
			return false
		})
		if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); !errors.Is(err, image.ErrDenied) || deniedBy(err) != reg.Host {
			t.Errorf("Pull after %d = %v, want image.ErrDenied and what to do", code, err)
		}
	}
}

func TestPullPicksThePlatform(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	full := reg.Host + "/multi:1"
	it.PushIndex(t, full, map[string]v1.Image{
		"linux/" + image.MachinePlatform().Architecture: it.MakeImage(t, 1000, 1), "linux/s390x": it.MakeImage(t, 1001, 1),
	})
	img, err := Pull(t.Context(), s, it.Ref(full), PullOptions{})
	if err != nil || img.Config.Architecture != image.MachinePlatform().Architecture {
		t.Fatalf("Pull = %+v, %v; want this machine's", img, err)
	}
	other, err := image.ParsePlatform("s390x")
	if err != nil {
		t.Fatal(err)
	}
	// The local one is of another platform: that counts as missing.
	if _, err = Ensure(t.Context(), s, it.Ref(full), PullOptions{Policy: PullNever, Platform: other}); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Ensure(never) of another platform = %v, want image.ErrNotFound", err)
	}
	img, err = Ensure(t.Context(), s, it.Ref(full), PullOptions{Platform: other})
	if err != nil || img.Config.Architecture != "s390x" {
		t.Errorf("Ensure(s390x) = %+v, %v", img, err)
	}
	images, err := s.List()
	if err != nil || len(images) != 2 {
		t.Errorf("the store has %d images, want both", len(images))
	}
}

// The digest of an index is that of all its images: of those in the store it
// means this machine's.
func TestDigestOfAnIndex(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	full := reg.Host + "/multi:1"
	it.PushIndex(t, full, map[string]v1.Image{
		"linux/" + image.MachinePlatform().Architecture: it.MakeImage(t, 1000, 1), "linux/s390x": it.MakeImage(t, 1001, 1), "linux/mips": it.MakeImage(t, 1002, 1),
	})
	var digest string
	for _, arch := range []string{"s390x", image.MachinePlatform().Architecture, "mips"} {
		img, err := Pull(t.Context(), s, it.Ref(full), PullOptions{Platform: &v1.Platform{OS: "linux", Architecture: arch}})
		if err != nil {
			t.Fatal(err)
		}
		digest = img.RepoDigests[0].String()
		got, err := s.Get(it.Ref(digest))
		if want := image.MachinePlatform().Architecture; err != nil || arch == want && got.Config.Architecture != want {
			t.Errorf("after a pull for %s, %s is for %s, %v", arch, digest, got.Config.Architecture, err)
		}
	}
	if got, err := s.Get(it.Ref(digest)); err != nil || got.Config.Architecture != image.MachinePlatform().Architecture {
		t.Errorf("%s is for %s, %v; want this machine's", digest, got.Config.Architecture, err)
	}
}

// Two commands that pull at once fetch each blob once between them.
func TestPullTwiceAtOnce(t *testing.T) {
	reg, root := it.NewRegistry(t), t.TempDir()
	ref := reg.Push(t, "app", it.MakeImage(t, 2_000_000, 4))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s := store.Open(root, nil)
			if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := reg.BlobGets(); len(got) != 5 {
		t.Errorf("%d blobs were fetched, want 5: %q", len(got), got)
	}
	s := store.Open(root, nil)
	it.Whole(t, s, ref)
}

// Unpacking begins before the download ends: the registry sends the second half
// of the layer only when the first has been read.
func TestPullUnpacksBesideTheDownload(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 1_000_000, 1))
	config := it.ConfigOf(t, ref)
	half := make(chan struct{})
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.Inner.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		_, _ = w.Write(body[:len(body)/2])
		w.(http.Flusher).Flush()
		select {
		case <-half:
		case <-time.After(10 * time.Second):
			t.Error("nobody read the first half while the second was missing")
		}
		_, _ = w.Write(body[len(body)/2:])
		return true
	}))
	_, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{Unpack: func(_ context.Context, layers []v1.Layer) error {
		r, err := layers[0].Uncompressed()
		if err != nil {
			return err
		}
		defer r.Close()
		if _, err := io.CopyN(io.Discard, r, 300_000); err != nil {
			return err
		}
		close(half)
		_, err = io.Copy(io.Discard, r)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// A reader beside a download that turns out to be wrong must hear of it.
func TestPullTellsTheUnpackerOfWrongBytes(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 100_000, 1))
	config := it.ConfigOf(t, ref)
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.Inner.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		body[len(body)-1] ^= 1
		_, _ = w.Write(body)
		return true
	}))
	var readErr error
	_, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{Unpack: func(_ context.Context, layers []v1.Layer) error {
		r, err := layers[0].Compressed()
		if err != nil {
			return err
		}
		defer r.Close()
		_, readErr = io.Copy(io.Discard, r)
		return readErr
	}})
	if err == nil || readErr == nil {
		t.Errorf("Pull = %v, the reader got %v; want errors", err, readErr)
	}
	it.Nothing(t, s)
}

func TestPullInterrupted(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "app", it.MakeImage(t, 1_000_000, 1))
	config := it.ConfigOf(t, ref)
	ctx, cancel := context.WithCancel(t.Context())
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.Inner.ServeHTTP(rec, r)
		_, _ = w.Write(rec.Body.Bytes()[:500_000])
		w.(http.Flusher).Flush()
		time.Sleep(100 * time.Millisecond)
		cancel()
		<-r.Context().Done()
		return true
	}))
	if _, err := Pull(ctx, s, it.Ref(ref), PullOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Pull = %v, want context.Canceled", err)
	}
	if images, _ := s.List(); len(images) > 0 {
		t.Error("an interrupted pull left an image")
	}
	reg.SetFault(nil)
	reg.BlobGets()
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	gets := reg.BlobGets()
	if !slices.ContainsFunc(gets, func(g string) bool { return strings.Contains(g, "bytes=") }) || len(gets) != 1 {
		t.Errorf("the second pull asked for %q, want the rest of one layer", gets)
	}
	it.Whole(t, s, ref)
}

func TestPullFromMirror(t *testing.T) {
	mirror, s := it.NewRegistry(t), it.Open(t)
	mirror.Push(t, "team/app:1", it.MakeImage(t, 1000, 1))
	r := Registries{Mirrors: map[string][]string{"registry.invalid": {"127.0.0.1:1", mirror.Host}}}
	img, err := Pull(t.Context(), s, it.Ref("registry.invalid/team/app:1"), PullOptions{Registries: r})
	if err != nil || len(img.Names) != 1 || img.Names[0].Familiar() != "registry.invalid/team/app:1" {
		t.Errorf("Pull by mirror = %+v, %v; want the registry's name", img, err)
	}
}

func TestPlainHTTPIsForLoopback(t *testing.T) {
	tests := map[string]bool{
		"http://localhost:5000": true, "http://127.0.0.1:5000": true, "http://[::1]:5000": true, "http://a.localhost": true,
		"http://10.0.0.1:5000": false, "http://192.168.1.1": false, "http://registry.local": false, "http://localhost.example.com": false,
		"https://10.0.0.1:5000": true,
	}
	for url, want := range tests {
		var reached bool
		rt := &rules{verified: roundTrip(func() { reached = true }), unverified: roundTrip(func() { t.Errorf("%s: not verified", url) })}
		req, err := http.NewRequest(http.MethodGet, url+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rt.RoundTrip(req)
		if reached != want || !want && !errors.Is(err, image.ErrPlainHTTP) {
			t.Errorf("%s: reached %v, %v; want %v", url, reached, err, want)
		}
	}
}

type roundTrip func()

func (f roundTrip) RoundTrip(*http.Request) (*http.Response, error) {
	f()
	return httptest.NewRecorder().Result(), nil
}

// A configuration may leave out everything, also what the image is for.
func TestPullWithoutPlatform(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	img, err := it.MakeImage(t, 1000, 1).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := mutate.ConfigFile(it.MakeImage(t, 1000, 1), &v1.ConfigFile{RootFS: img.RootFS})
	if err != nil {
		t.Fatal(err)
	}
	ref := reg.Push(t, "bare:1", bare)
	pulled, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := pulled.Platform(); got.Architecture != "" {
		t.Errorf("Platform = %v, none is named", got)
	}
	here := image.MachinePlatform()
	if _, err := Ensure(t.Context(), s, it.Ref(ref), PullOptions{Policy: PullNever, Platform: &here}); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Ensure of a platform that is not named = %v, want image.ErrNotFound", err)
	}
}
