package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
	"github.com/mvrun/mvrun/image/store"
)

func TestImport(t *testing.T) {
	plain := it.TarOf(t, "etc/hello", []byte("hello"))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(plain)
	_ = z.Close()
	for _, data := range [][]byte{plain, zipped.Bytes()} {
		s := it.Open(t)
		img, err := archive.Import(t.Context(), s, bytes.NewReader(data), archive.ImportOptions{Name: it.Ref("mine:1"), Source: "-", Changes: []string{`CMD ["/bin/true"]`}})
		if err != nil {
			t.Fatal(err)
		}
		it.Whole(t, s, "mine:1")
		layers, err := img.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("Layers = %v, %v", layers, err)
		}
		r, err := layers[0].Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("the layer has other bytes than came, %v", err)
		}
		if id, _, _ := v1.SHA256(bytes.NewReader(plain)); img.Config.RootFS.DiffIDs[0] != id {
			t.Errorf("diff-id = %v, want %v", img.Config.RootFS.DiffIDs, id)
		}
		if cmd := img.Config.Config.Cmd; len(cmd) != 1 || cmd[0] != "/bin/true" {
			t.Errorf("Cmd = %q", cmd)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	good := it.TarOf(t, "f", bytes.Repeat([]byte("x"), 10_000))
	tests := map[string]struct {
		data []byte
		opt  archive.ImportOptions
		says string
	}{
		"nothing":    {nil, archive.ImportOptions{}, "no entry"},
		"no tarball": {bytes.Repeat([]byte("text "), 1000), archive.ImportOptions{}, "no tarball"},
		"cut":        {good[:5000], archive.ImportOptions{}, "unexpected EOF"},
		"bad change": {good, archive.ImportOptions{Changes: []string{"RUN rm -rf /"}}, "RUN is none of"},
	}
	for name, tt := range tests {
		s := it.Open(t)
		if _, err := archive.Import(t.Context(), s, bytes.NewReader(tt.data), tt.opt); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: Import = %v, want %q", name, err, tt.says)
		}
		it.NoBlob(t, s)
	}
}

func TestCommit(t *testing.T) {
	s := it.Open(t)
	base := it.ImportImage(t, s, "base", "x")
	layer := it.TarOf(t, "new", []byte("new"))
	opt := archive.CommitOptions{
		Base: image.IDRef(base.ID), Name: it.Ref("next"), Message: "why", Config: v1.Config{Env: []string{"A=1"}}, Changes: []string{"CMD sh"},
		Diff: writes(layer),
	}
	img, err := archive.Commit(t.Context(), s, opt)
	if err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, "next")
	layers, err := img.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("Layers = %v, %v", layers, err)
	}
	r, err := layers[1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, layer) {
		t.Errorf("the new layer differs from what was written, %v", err)
	}
	h := img.Config.History
	if len(h) != 2 || h[1].Comment != "why" || img.Config.Config.Env[0] != "A=1" || img.Config.Architecture != base.Config.Architecture {
		t.Errorf("the configuration is %+v", img.Config)
	}
	// The base's health check and volumes stay.
	base.Config.Config = v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "true"}}, Volumes: map[string]struct{}{"/data": {}}}
	data, err := json.Marshal(base.Config)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.Compose(data, base.Manifest.Layers, store.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	opt.Base = image.IDRef(kept.ID)
	img, err = archive.Commit(t.Context(), s, opt)
	if err != nil || img.Config.Config.Healthcheck == nil || len(img.Config.Config.Volumes) != 1 || len(img.Config.Config.Env) != 1 {
		t.Errorf("the second configuration is %+v, %v", img.Config.Config, err)
	}
	opt.Base = it.Ref(it.DigestA)
	if _, err := archive.Commit(t.Context(), s, opt); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("Commit without the base = %v", err)
	}
	opt.Base, opt.Diff = image.IDRef(base.ID), fails
	if _, err := archive.Commit(t.Context(), s, opt); !errors.Is(err, errBroken) {
		t.Errorf("Commit of what can't be read = %v", err)
	}
	if got := it.FilesIn(t, s.Blobs.IngestDir()); len(got) != 0 {
		t.Errorf("half-made files are left: %q", got)
	}
}

// What can't be unpacked is no image, however right its tarball is; what others
// have of it stays.
func TestImportAndLoadUnpackFirst(t *testing.T) {
	layer := it.TarOf(t, "f", []byte("x"))
	tarball := it.DockerArchive(t, string(layer))
	cannot := errors.New("no room")
	for name, bring := range map[string]func(s *store.Store, opt archive.Options) error{
		"import": func(s *store.Store, opt archive.Options) error {
			_, err := archive.Import(t.Context(), s, bytes.NewReader(layer), archive.ImportOptions{Name: it.Ref("mine"), Options: opt})
			return err
		},
		"load": func(s *store.Store, opt archive.Options) error {
			_, err := archive.Load(t.Context(), s, bytes.NewReader(tarball), opt)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := it.Open(t)
			no := archive.Options{Unpack: func([]v1.Layer) error { return cannot }}
			if err := bring(s, no); !errors.Is(err, cannot) {
				t.Errorf("%s = %v, want that it can't be unpacked", name, err)
			}
			it.NoBlob(t, s)
			asked := 0
			yes := archive.Options{Unpack: func(layers []v1.Layer) error {
				r, err := layers[0].Uncompressed()
				if err != nil {
					return err
				}
				defer r.Close()
				got, err := io.ReadAll(r)
				if asked++; err != nil || !bytes.Equal(got, layer) {
					t.Errorf("the layer to unpack has %d bytes, %v", len(got), err)
				}
				return nil
			}}
			if err := bring(s, yes); err != nil || asked == 0 {
				t.Fatalf("%s = %v, asked to unpack %d times", name, err, asked)
			}
			if err := bring(s, no); !errors.Is(err, cannot) {
				t.Errorf("%s again = %v", name, err)
			}
			if images, err := s.List(); err != nil || len(images) != 1 {
				t.Errorf("images that were there before: %v, %v", images, err)
			}
		})
	}
}

// Whatever comes, it is an image that unpacks or it leaves nothing.
func FuzzImport(f *testing.F) {
	plain := it.TarOf(f, "f", []byte("x"))
	f.Add(plain)
	f.Add(it.ArchiveOf(f, it.File{Name: "../x", Typ: tar.TypeLink, Link: "/etc/passwd"}, it.File{Name: ".wh.x"}))
	for _, pack := range []func(io.Writer) io.WriteCloser{
		func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	} {
		var b bytes.Buffer
		w := pack(&b)
		_, _ = w.Write(plain)
		_ = w.Close()
		f.Add(b.Bytes())
	}
	s := it.Open(f) // one for all: making a store waits for the disk
	limit := archive.Options{MaxFile: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := archive.Import(t.Context(), s, bytes.NewReader(data), archive.ImportOptions{Name: it.Ref("fuzzed"), Options: limit})
		if err == nil {
			layers, err := img.Layers()
			if err != nil {
				t.Fatal(err)
			}
			r, err := layers[0].Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			sum, _, err := v1.SHA256(r)
			if want, _ := layers[0].DiffID(); err != nil || sum != want {
				t.Errorf("the layer reads as %v, %v; its diff-id is %v", sum, err, want)
			}
			if _, err := s.Remove(it.Ref("fuzzed"), true, nil); err != nil {
				t.Error(err)
			}
		}
		it.NoBlob(t, s)
	})
}

func writes(data []byte) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

var errBroken = errors.New("broken")

func fails(_ context.Context, w io.Writer) error {
	_, _ = w.Write([]byte("half"))
	return errBroken
}
