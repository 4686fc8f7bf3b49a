package image

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func filesIn(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPullFetchesOnce(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	want := makeImage(t, 100_000, 3)
	ref := reg.push(t, "team/app:1", want)
	for i, gets := range []int{4, 0} { // three layers and the configuration, then nothing
		img, err := s.Pull(t.Context(), ref, PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := want.ConfigName(); img.ID != id {
			t.Errorf("ID = %s, want %s", img.ID, id)
		}
		if got := reg.blobGets(); len(got) != gets {
			t.Errorf("pull %d asked for %q, want %d blobs", i, got, gets)
		}
	}
	img := whole(t, s, ref)
	digest, _ := want.Digest()
	if want := reg.host + "/team/app@" + digest.String(); len(img.RepoDigests) != 1 || img.RepoDigests[0] != want {
		t.Errorf("RepoDigests = %q, want %s", img.RepoDigests, want)
	}
	if got := filesIn(t, s.dir+"/ingest"); len(got) > 0 {
		t.Errorf("half-made files are left: %q", got)
	}
	if _, err := s.Get(img.RepoDigests[0]); err != nil {
		t.Errorf("Get by digest: %v", err)
	}
}

// cut ends the connection after n bytes of the body.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if len(p) > c.left {
		_, _ = c.ResponseWriter.Write(p[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

func TestPullResumesACutDownload(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 400_000, 1))
	var cuts atomic.Int32
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if cuts.Add(1) > 2 {
			return false
		}
		reg.inner.ServeHTTP(&cut{w, 200_000}, r)
		return true
	}))
	if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
		t.Fatal(err)
	}
	whole(t, s, ref)
	ranged := 0
	for _, get := range reg.blobGets() {
		if strings.Contains(get, "bytes=") {
			ranged++
		}
	}
	if ranged == 0 {
		t.Error("the download began all over again, want a Range request")
	}
}

func TestPullOfARegistryWithoutRanges(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 400_000, 1))
	config := configOf(t, ref)
	var first atomic.Bool
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		if strings.Contains(r.URL.Path, config) || first.Swap(true) {
			return false
		}
		reg.inner.ServeHTTP(&cut{w, 200_000}, r)
		return true
	}))
	if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
		t.Fatal(err)
	}
	whole(t, s, ref)
}

func configOf(t *testing.T, ref string) string {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(r)
	if err != nil {
		t.Fatal(err)
	}
	id, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func TestPullTriesAgain(t *testing.T) {
	for _, code := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		reg, s := newRegistry(t), open(t)
		ref := reg.push(t, "app", makeImage(t, 1000, 1))
		var failures atomic.Int32
		reg.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") || failures.Add(1) > 1 {
				return false
			}
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(code)
			return true
		})
		start := time.Now()
		if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
			t.Errorf("after one %d: %v", code, err)
		}
		if waited := time.Since(start); waited < time.Second {
			t.Errorf("after one %d with Retry-After: 1 it waited %v", code, waited)
		}
	}
}

func TestPullRefusesWrongBytes(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 100_000, 1))
	config := configOf(t, ref)
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.inner.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		body[len(body)/2] ^= 1
		w.Header().Set("Content-Length", rec.Header().Get("Content-Length"))
		_, _ = w.Write(body)
		return true
	}))
	_, err := s.Pull(t.Context(), ref, PullOptions{})
	if !errors.Is(err, ErrDigest) {
		t.Errorf("Pull = %v, want ErrDigest", err)
	}
	nothing(t, s)
}

func TestPullExplains(t *testing.T) {
	reg := newRegistry(t)
	ref := reg.push(t, "app:1", makeImage(t, 1000, 1))
	arm := reg.push(t, "arm:1", withPlatform(t, makeImage(t, 1000, 1), v1.Platform{OS: "linux", Architecture: "s390x"}))
	artifact := reg.push(t, "artifact:1", mutate.ConfigMediaType(makeImage(t, 1000, 1), "application/vnd.example.thing"))
	index := reg.host + "/index:1"
	pushIndex(t, index, map[string]v1.Image{"linux/s390x": makeImage(t, 900, 1)})
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	tests := []struct {
		ref  string
		is   error
		says string
	}{
		{reg.host + "/nothing:1", ErrNotFound, reg.host},
		{reg.host + "/app:2", ErrNotFound, "app:2"},
		{strings.TrimSuffix(ref, "1") + "latest", ErrNotFound, ""},
		{arm, ErrPlatform, "s390x"},
		{index, ErrPlatform, "s390x"},
		{artifact, nil, "another kind of artifact"},
		{strings.TrimPrefix(secure.URL, "https://") + "/app", nil, "certificate"},
		{strings.TrimPrefix(closed.URL, "http://") + "/app", ErrUnreachable, "refuses the connection"},
		{"registry.invalid/app", ErrUnreachable, "DNS"},
		{"App", ErrBadReference, "lowercase"},
	}
	for _, tt := range tests {
		s := open(t)
		_, err := s.Pull(t.Context(), tt.ref, PullOptions{})
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

func TestPullDenied(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app:1", makeImage(t, 1000, 1))
	for _, code := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		reg.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") {
				w.WriteHeader(code)
				return true
			}
			return false
		})
		if _, err := s.Pull(t.Context(), ref, PullOptions{}); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "mvrun login "+reg.host) {
			t.Errorf("Pull after %d = %v, want ErrDenied and what to do", code, err)
		}
	}
}

func pushIndex(t *testing.T, full string, images map[string]v1.Image) {
	t.Helper()
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for platform, img := range images {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: withPlatform(t, img, *p), Descriptor: v1.Descriptor{Platform: p}})
	}
	ref, err := name.ParseReference(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, idx); err != nil {
		t.Fatal(err)
	}
}

func TestPullPicksThePlatform(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	full := reg.host + "/multi:1"
	pushIndex(t, full, map[string]v1.Image{
		"linux/" + machinePlatform().Architecture: makeImage(t, 1000, 1), "linux/s390x": makeImage(t, 1001, 1),
	})
	img, err := s.Pull(t.Context(), full, PullOptions{})
	if err != nil || img.Config.Architecture != machinePlatform().Architecture {
		t.Fatalf("Pull = %+v, %v; want this machine's", img, err)
	}
	other, err := ParsePlatform("s390x")
	if err != nil {
		t.Fatal(err)
	}
	// The local one is of another platform: that counts as missing.
	if _, err = s.Ensure(t.Context(), full, PullOptions{Policy: PullNever, Platform: other}); !errors.Is(err, ErrNotFound) {
		t.Errorf("Ensure(never) of another platform = %v, want ErrNotFound", err)
	}
	img, err = s.Ensure(t.Context(), full, PullOptions{Platform: other})
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
	reg, s := newRegistry(t), open(t)
	full := reg.host + "/multi:1"
	pushIndex(t, full, map[string]v1.Image{
		"linux/" + machinePlatform().Architecture: makeImage(t, 1000, 1), "linux/s390x": makeImage(t, 1001, 1), "linux/mips": makeImage(t, 1002, 1),
	})
	var digest string
	for _, arch := range []string{"s390x", machinePlatform().Architecture, "mips"} {
		img, err := s.Pull(t.Context(), full, PullOptions{Platform: &v1.Platform{OS: "linux", Architecture: arch}})
		if err != nil {
			t.Fatal(err)
		}
		digest = img.RepoDigests[0]
		got, err := s.Get(digest)
		if want := machinePlatform().Architecture; err != nil || arch == want && got.Config.Architecture != want {
			t.Errorf("after a pull for %s, %s is for %s, %v", arch, digest, got.Config.Architecture, err)
		}
	}
	if got, err := s.Get(digest); err != nil || got.Config.Architecture != machinePlatform().Architecture {
		t.Errorf("%s is for %s, %v; want this machine's", digest, got.Config.Architecture, err)
	}
}

// Two commands that pull at once fetch each blob once between them.
func TestPullTwiceAtOnce(t *testing.T) {
	reg, root := newRegistry(t), t.TempDir()
	ref := reg.push(t, "app", makeImage(t, 2_000_000, 4))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(root)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := reg.blobGets(); len(got) != 5 {
		t.Errorf("%d blobs were fetched, want 5: %q", len(got), got)
	}
	s, _ := Open(root)
	whole(t, s, ref)
}

// Unpacking begins before the download ends: the registry sends the second half
// of the layer only when the first has been read.
func TestPullUnpacksBesideTheDownload(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 1_000_000, 1))
	config := configOf(t, ref)
	half := make(chan struct{})
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.inner.ServeHTTP(rec, r)
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
	_, err := s.Pull(t.Context(), ref, PullOptions{Unpack: func(_ context.Context, layers []v1.Layer) error {
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
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 100_000, 1))
	config := configOf(t, ref)
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.inner.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		body[len(body)-1] ^= 1
		_, _ = w.Write(body)
		return true
	}))
	var readErr error
	_, err := s.Pull(t.Context(), ref, PullOptions{Unpack: func(_ context.Context, layers []v1.Layer) error {
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
	nothing(t, s)
}

func TestPullInterrupted(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	ref := reg.push(t, "app", makeImage(t, 1_000_000, 1))
	config := configOf(t, ref)
	ctx, cancel := context.WithCancel(t.Context())
	reg.setFault(onBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, config) {
			return false
		}
		rec := httptest.NewRecorder()
		reg.inner.ServeHTTP(rec, r)
		_, _ = w.Write(rec.Body.Bytes()[:500_000])
		w.(http.Flusher).Flush()
		time.Sleep(100 * time.Millisecond)
		cancel()
		<-r.Context().Done()
		return true
	}))
	if _, err := s.Pull(ctx, ref, PullOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Pull = %v, want context.Canceled", err)
	}
	if images, _ := s.List(); len(images) > 0 {
		t.Error("an interrupted pull left an image")
	}
	reg.setFault(nil)
	reg.blobGets()
	if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
		t.Fatal(err)
	}
	gets := reg.blobGets()
	if !slices.ContainsFunc(gets, func(g string) bool { return strings.Contains(g, "bytes=") }) || len(gets) != 1 {
		t.Errorf("the second pull asked for %q, want the rest of one layer", gets)
	}
	whole(t, s, ref)
}

func TestPullFromMirror(t *testing.T) {
	mirror, s := newRegistry(t), open(t)
	mirror.push(t, "team/app:1", makeImage(t, 1000, 1))
	r := Registries{Mirrors: map[string][]string{"registry.invalid": {"127.0.0.1:1", mirror.host}}}
	img, err := s.Pull(t.Context(), "registry.invalid/team/app:1", PullOptions{Registries: r})
	if err != nil || len(img.Names) != 1 || img.Names[0] != "registry.invalid/team/app:1" {
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
		if reached != want || !want && !errors.Is(err, ErrPlainHTTP) {
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
	reg, s := newRegistry(t), open(t)
	img, err := makeImage(t, 1000, 1).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := mutate.ConfigFile(makeImage(t, 1000, 1), &v1.ConfigFile{RootFS: img.RootFS})
	if err != nil {
		t.Fatal(err)
	}
	ref := reg.push(t, "bare:1", bare)
	pulled, err := s.Pull(t.Context(), ref, PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := pulled.Platform(); got.Architecture != "" {
		t.Errorf("Platform = %v, none is named", got)
	}
	here := machinePlatform()
	if _, err := s.Ensure(t.Context(), ref, PullOptions{Policy: PullNever, Platform: &here}); !errors.Is(err, ErrNotFound) {
		t.Errorf("Ensure of a platform that is not named = %v, want ErrNotFound", err)
	}
}
