// Package imagetest has what the tests of images share: a registry with faults,
// images, archives, and looks into a store.
package imagetest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	"github.com/mvrun/mvrun/image/store"
)

// Registry is go-containerregistry's registry with faults put before it and
// a list of what was asked.
type Registry struct {
	*httptest.Server
	Host string

	mu    sync.Mutex
	asked []string                                                 // "GET /v2/… [range]"
	fault func(w http.ResponseWriter, r *http.Request) (done bool) // nil: none
	Inner http.Handler
}

func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{Inner: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	r.Server = httptest.NewServer(r)
	r.Host = strings.TrimPrefix(r.URL, "http://")
	t.Cleanup(r.Close)
	return r
}

func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.asked = append(r.asked, strings.TrimSpace(req.Method+" "+req.URL.Path+" "+req.Header.Get("Range")))
	fault := r.fault
	r.mu.Unlock()
	if fault != nil && fault(w, req) {
		return
	}
	r.Inner.ServeHTTP(w, req)
}

func (r *Registry) SetFault(f func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// BlobGets are the requests for blobs since the last call.
func (r *Registry) BlobGets() (gets []string) {
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

// Push puts the image into the registry and returns its name there.
func (r *Registry) Push(t testing.TB, repo string, img v1.Image) string {
	t.Helper()
	full := r.Host + "/" + repo
	ref, err := name.ParseReference(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	r.BlobGets()
	return full
}

// OnBlob makes a fault of requests for blobs whose answer is more than a
// kilobyte: layers, not configurations.
func OnBlob(f func(w http.ResponseWriter, r *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") && f(w, r)
	}
}

// MakeImage is an image for this machine with layers of size random bytes.
func MakeImage(t testing.TB, size int, layers int) v1.Image {
	t.Helper()
	rnd := rand.NewChaCha8([32]byte{byte(size), byte(layers)})
	img := v1.Image(empty.Image)
	for i := range layers {
		content := make([]byte, size)
		_, _ = rnd.Read(content)
		img = AppendLayer(t, img, TarOf(t, fmt.Sprintf("file%d", i), content))
	}
	return WithPlatform(t, img, image.MachinePlatform())
}

func AppendLayer(t testing.TB, img v1.Image, data []byte) v1.Image {
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

func WithPlatform(t testing.TB, img v1.Image, p v1.Platform) v1.Image {
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

func TarOf(t testing.TB, name string, content []byte) []byte {
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

// Whole checks the image by its digests and returns it.
func Whole(t testing.TB, s *store.Store, ref string) *image.Image {
	t.Helper()
	img, err := s.Find(Ref(ref))
	if err != nil {
		t.Fatal(err)
	}
	damage, err := s.Check(t.Context())
	if err != nil || len(damage) > 0 {
		t.Fatalf("the store has %v, %v", damage, err)
	}
	return img
}

// NoBlob checks that nothing is there to read, and nothing to remove.
func NoBlob(t testing.TB, s *store.Store) {
	t.Helper()
	Nothing(t, s)
	if got := FilesIn(t, s.Blobs.Path(v1.Hash{Algorithm: "sha256"})); len(got) > 0 {
		t.Errorf("blobs of no image are left: %q", got)
	}
}

func Nothing(t testing.TB, s *store.Store) {
	t.Helper()
	if images, err := s.List(); err != nil || len(images) > 0 {
		t.Errorf("the store has the images %v, %v", images, err)
	}
	if got := FilesIn(t, s.Blobs.IngestDir()); len(got) > 0 {
		t.Errorf("half-made files are left: %q", got)
	}
}

func FilesIn(t testing.TB, dir string) (names []string) {
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

// Cut ends the connection after n bytes of the body.
type Cut struct {
	http.ResponseWriter
	Left int
}

func (c *Cut) Write(p []byte) (int, error) {
	if len(p) > c.Left {
		_, _ = c.ResponseWriter.Write(p[:c.Left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.Left -= len(p)
	return c.ResponseWriter.Write(p)
}

// File is a member of an archive under test.
type File struct {
	Name, Body, Link string
	Typ              byte
}

func ArchiveOf(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		hdr := &tar.Header{Name: f.Name, Typeflag: f.Typ, Linkname: f.Link, Size: int64(len(f.Body)), Mode: 0o644}
		if f.Typ == 0 {
			hdr.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, f.Body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// DockerArchive is what old docker save wrote, with its second layer a link to
// the first.
func DockerArchive(t testing.TB, layer string, more ...File) []byte {
	t.Helper()
	id, _, err := v1.SHA256(strings.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(v1.ConfigFile{OS: "linux", Architecture: image.MachinePlatform().Architecture, RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{id, id}}})
	if err != nil {
		t.Fatal(err)
	}
	return ArchiveOf(t, append([]File{
		{Name: "c.json", Body: string(config)},
		{Name: "one/layer.tar", Body: layer},
		{Name: "two/layer.tar", Typ: tar.TypeSymlink, Link: "../one/layer.tar"},
		{Name: "manifest.json", Body: `[{"Config":"c.json","RepoTags":["old:1","old:2"],"Layers":["one/layer.tar","two/layer.tar"]}]`},
	}, more...)...)
}

func Open(t testing.TB) *store.Store {
	t.Helper()
	return store.Open(t.TempDir(), archive.Busybox)
}

// ImportImage makes an image of one file in the store.
func ImportImage(t testing.TB, s *store.Store, name, content string) *image.Image {
	t.Helper()
	img, err := archive.Import(t.Context(), s, bytes.NewReader(TarOf(t, "file", []byte(content))), archive.ImportOptions{Name: Ref(name)})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func Blobs(t *testing.T, s *store.Store) int {
	return len(FilesIn(t, s.Blobs.Path(v1.Hash{Algorithm: "sha256"})))
}

func PushIndex(t *testing.T, full string, images map[string]v1.Image) {
	t.Helper()
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for platform, img := range images {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: WithPlatform(t, img, *p), Descriptor: v1.Descriptor{Platform: p}})
	}
	ref, err := name.ParseReference(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, idx); err != nil {
		t.Fatal(err)
	}
}

func ConfigOf(t *testing.T, ref string) string {
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

// Drip sends the body in pieces with a pause before each; with stop, nothing
// follows the first ones.
type Drip struct {
	http.ResponseWriter
	Request *http.Request
	Piece   int
	Pause   time.Duration
	Stop    int // pieces; 0 is never
}

func (d *Drip) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := min(len(p), d.Piece)
		if _, err := d.ResponseWriter.Write(p[:k]); err != nil {
			return n, err
		}
		d.ResponseWriter.(http.Flusher).Flush()
		p, n = p[k:], n+k
		if d.Stop--; d.Stop == 0 {
			<-d.Request.Context().Done()
			panic(http.ErrAbortHandler)
		}
		time.Sleep(d.Pause)
	}
	return n, nil
}

// DigestA is a digest of nothing in particular.
const DigestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// Ref parses what is known to be a reference; "" is none.
func Ref(s string) image.Ref {
	if s == "" {
		return image.Ref{}
	}
	ref, err := image.ParseRef(s)
	if err != nil {
		panic(err)
	}
	return ref
}

// Strings are the short forms of names.
func Strings(refs []image.Ref) (names []string) {
	for _, r := range refs {
		names = append(names, r.Familiar())
	}
	return names
}
