package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// fakeRegistry is go-containerregistry's registry with faults put before it and
// a list of what was asked.
type fakeRegistry struct {
	*httptest.Server
	host string

	mu    sync.Mutex
	asked []string                                                 // "GET /v2/… [range]"
	fault func(w http.ResponseWriter, r *http.Request) (done bool) // nil: none
	inner http.Handler
}

func newRegistry(t testing.TB) *fakeRegistry {
	t.Helper()
	r := &fakeRegistry{inner: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	r.Server = httptest.NewServer(r)
	r.host = strings.TrimPrefix(r.URL, "http://")
	t.Cleanup(r.Close)
	return r
}

func (r *fakeRegistry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.asked = append(r.asked, strings.TrimSpace(req.Method+" "+req.URL.Path+" "+req.Header.Get("Range")))
	fault := r.fault
	r.mu.Unlock()
	if fault != nil && fault(w, req) {
		return
	}
	r.inner.ServeHTTP(w, req)
}

func (r *fakeRegistry) setFault(f func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// blobGets are the requests for blobs since the last call.
func (r *fakeRegistry) blobGets() (gets []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.asked {
		if strings.HasPrefix(a, "GET ") && strings.Contains(a, "/blobs/") {
			gets = append(gets, a)
		}
	}
	r.asked = nil
	return gets
}

// push puts the image into the registry and returns its name there.
func (r *fakeRegistry) push(t testing.TB, repo string, img v1.Image) string {
	t.Helper()
	full := r.host + "/" + repo
	ref, err := name.ParseReference(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	r.blobGets()
	return full
}

// onBlob makes a fault of requests for blobs whose answer is more than a
// kilobyte: layers, not configurations.
func onBlob(f func(w http.ResponseWriter, r *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") && f(w, r)
	}
}

// makeImage is an image for this machine with layers of size random bytes.
func makeImage(t testing.TB, size int, layers int) v1.Image {
	t.Helper()
	rnd := rand.NewChaCha8([32]byte{byte(size), byte(layers)})
	img := v1.Image(empty.Image)
	for i := range layers {
		content := make([]byte, size)
		_, _ = rnd.Read(content)
		img = appendLayer(t, img, tarOf(t, fmt.Sprintf("file%d", i), content))
	}
	return withPlatform(t, img, machinePlatform())
}

func appendLayer(t testing.TB, img v1.Image, data []byte) v1.Image {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.AppendLayers(img, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func withPlatform(t testing.TB, img v1.Image, p v1.Platform) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Config.Cmd = []string{"sh"}
	img, err = mutate.ConfigFile(img, config)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func tarOf(t testing.TB, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// whole checks the image by its digests and returns it.
func whole(t testing.TB, s *Store, ref string) *Image {
	t.Helper()
	img, err := s.lookup(ref)
	if err != nil {
		t.Fatal(err)
	}
	damage, err := s.Check(t.Context())
	if err != nil || len(damage) > 0 {
		t.Fatalf("the store has %v, %v", damage, err)
	}
	return img
}

// nothing checks that no image, no blob and nothing half-made is in the store.
// noBlob checks that nothing is there to read, and nothing to remove.
func noBlob(t testing.TB, s *Store) {
	t.Helper()
	nothing(t, s)
	if got := filesIn(t, s.dir+"/blobs/sha256"); len(got) > 0 {
		t.Errorf("blobs of no image are left: %q", got)
	}
}

func nothing(t testing.TB, s *Store) {
	t.Helper()
	if images, err := s.List(); err != nil || len(images) > 0 {
		t.Errorf("the store has the images %v, %v", images, err)
	}
	if got := filesIn(t, s.dir+"/ingest"); len(got) > 0 {
		t.Errorf("half-made files are left: %q", got)
	}
}
