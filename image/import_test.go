package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
)

func TestImport(t *testing.T) {
	plain := tarOf(t, "etc/hello", []byte("hello"))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(plain)
	_ = z.Close()
	for _, data := range [][]byte{plain, zipped.Bytes()} {
		s := open(t)
		img, err := s.Import(t.Context(), bytes.NewReader(data), ImportOptions{Name: "mine:1", Source: "-", Changes: []string{`CMD ["/bin/true"]`}})
		if err != nil {
			t.Fatal(err)
		}
		whole(t, s, "mine:1")
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
	good := tarOf(t, "f", bytes.Repeat([]byte("x"), 10_000))
	tests := map[string]struct {
		data []byte
		opt  ImportOptions
		says string
	}{
		"nothing":    {nil, ImportOptions{}, "no entry"},
		"no tarball": {bytes.Repeat([]byte("text "), 1000), ImportOptions{}, "no tarball"},
		"cut":        {good[:5000], ImportOptions{}, "unexpected EOF"},
		"bad name":   {good, ImportOptions{Name: "Mine"}, "lowercase"},
		"digest":     {good, ImportOptions{Name: "mine@" + digestA}, "digest"},
		"bad change": {good, ImportOptions{Changes: []string{"RUN rm -rf /"}}, "RUN is none of"},
	}
	for name, tt := range tests {
		s := open(t)
		if _, err := s.Import(t.Context(), bytes.NewReader(tt.data), tt.opt); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: Import = %v, want %q", name, err, tt.says)
		}
		noBlob(t, s)
	}
}

func TestApplyChanges(t *testing.T) {
	c := v1.Config{Env: []string{"A=old", "B=kept"}}
	err := applyChanges(&c, []string{
		`CMD ["a", "b c"]`, "entrypoint run it", `ENV A="new one" C=3`, "ENV D with spaces", "EXPOSE 80 53/udp",
		`LABEL x=1 "y"=two\ words`, "USER nobody", "WORKDIR /srv", "STOPSIGNAL SIGINT", `VOLUME ["/a","/b c"]`, "VOLUME /d /e",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		Cmd: []string{"a", "b c"}, Entrypoint: []string{"/bin/sh", "-c", "run it"},
		Env:          []string{"A=new one", "B=kept", "C=3", "D=with spaces"},
		ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/udp": {}},
		Labels:       map[string]string{"x": "1", "y": "two words"}, User: "nobody", WorkingDir: "/srv", StopSignal: "SIGINT",
		Volumes: map[string]struct{}{"/a": {}, "/b c": {}, "/d": {}, "/e": {}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the configuration differs (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "CMD", "FROM x", "ENV A", "LABEL x=1 y"} {
		if err := applyChanges(&v1.Config{}, []string{bad}); err == nil {
			t.Errorf("--change %q was taken", bad)
		}
	}
}

func TestCommit(t *testing.T) {
	s := open(t)
	base := importImage(t, s, "base", "x")
	layer := tarOf(t, "new", []byte("new"))
	opt := CommitOptions{
		Base: base.ID.String(), Name: "next", Message: "why", Config: v1.Config{Env: []string{"A=1"}}, Changes: []string{"CMD sh"},
		Diff: writes(layer),
	}
	img, err := s.Commit(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, "next")
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
	kept, err := s.compose(base.Config, base.manifest.Layers, "")
	if err != nil {
		t.Fatal(err)
	}
	opt.Base = kept.ID.String()
	img, err = s.Commit(t.Context(), opt)
	if err != nil || img.Config.Config.Healthcheck == nil || len(img.Config.Config.Volumes) != 1 || len(img.Config.Config.Env) != 1 {
		t.Errorf("the second configuration is %+v, %v", img.Config.Config, err)
	}
	opt.Base = digestA
	if _, err := s.Commit(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("Commit without the base = %v", err)
	}
	opt.Base, opt.Diff = base.ID.String(), fails
	if _, err := s.Commit(t.Context(), opt); !errors.Is(err, errBroken) {
		t.Errorf("Commit of what can't be read = %v", err)
	}
	if got := filesIn(t, s.ingestDir()); len(got) != 0 {
		t.Errorf("half-made files are left: %q", got)
	}
}

// What can't be unpacked is no image, however right its tarball is; what others
// have of it stays.
func TestImportAndLoadUnpackFirst(t *testing.T) {
	layer := tarOf(t, "f", []byte("x"))
	archive := dockerArchive(t, string(layer))
	cannot := errors.New("no room")
	for name, bring := range map[string]func(s *Store) error{
		"import": func(s *Store) error {
			_, err := s.Import(t.Context(), bytes.NewReader(layer), ImportOptions{Name: "mine"})
			return err
		},
		"load": func(s *Store) error {
			_, err := s.Load(t.Context(), bytes.NewReader(archive))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			s.UnpackWith(func([]v1.Layer) error { return cannot })
			if err := bring(s); !errors.Is(err, cannot) {
				t.Errorf("%s = %v, want that it can't be unpacked", name, err)
			}
			noBlob(t, s)
			asked := 0
			s.UnpackWith(func(layers []v1.Layer) error {
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
			})
			if err := bring(s); err != nil || asked == 0 {
				t.Fatalf("%s = %v, asked to unpack %d times", name, err, asked)
			}
			s.UnpackWith(func([]v1.Layer) error { return cannot })
			if err := bring(s); !errors.Is(err, cannot) {
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
	plain := tarOf(f, "f", []byte("x"))
	f.Add(plain)
	f.Add(archiveOf(f, file{name: "../x", typ: tar.TypeLink, link: "/etc/passwd"}, file{name: ".wh.x"}))
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
	s := open(f) // one for all: making a store waits for the disk
	s.LimitUnpacked(1 << 20)
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := s.Import(t.Context(), bytes.NewReader(data), ImportOptions{Name: "fuzzed"})
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
			if _, err := s.Remove("fuzzed", true, nil); err != nil {
				t.Error(err)
			}
		}
		noBlob(t, s)
	})
}
