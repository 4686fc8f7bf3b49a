package rootfs

import (
	"archive/tar"
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// An entry of a layer under test; the zero type is a file.
type entry struct {
	name, body, link string
	typ              byte
	mode             int64
	major, minor     int64
	mtime            int64 // seconds
	pax              map[string]string
}

// tarLayer is a v1.Layer of a plain tarball that counts how often it is read.
type tarLayer struct {
	v1.Layer // the methods that nobody may need
	data     []byte
	diffID   v1.Hash
	reads    atomic.Int32
}

func (l *tarLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *tarLayer) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }
func (l *tarLayer) Uncompressed() (io.ReadCloser, error) {
	l.reads.Add(1)
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

func newLayer(t testing.TB, entries ...entry) *tarLayer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		hdr := &tar.Header{
			Name: e.name, Linkname: e.link, Typeflag: e.typ, Mode: e.mode, Size: int64(len(e.body)),
			Devmajor: e.major, Devminor: e.minor, PAXRecords: e.pax, ModTime: time.Unix(e.mtime, 0),
		}
		if hdr.Typeflag == 0 {
			hdr.Typeflag = tar.TypeReg
		}
		if hdr.Mode == 0 {
			hdr.Mode = 0o755
		}
		if err := w.WriteHeader(hdr); err != nil {
			t.Fatalf("entry %s: %v", e.name, err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return layerOf(t, b.Bytes())
}

func layerOf(t testing.TB, data []byte) *tarLayer {
	t.Helper()
	id, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return &tarLayer{data: data, diffID: id}
}

func layers(ls ...*tarLayer) []v1.Layer {
	var out []v1.Layer
	for _, l := range ls {
		out = append(out, l)
	}
	return out
}
