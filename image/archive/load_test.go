package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

func refs(typed []string) (refs []image.Ref) {
	for _, s := range typed {
		refs = append(refs, it.Ref(s))
	}
	return refs
}

func TestSaveLoad(t *testing.T) {
	from := it.Open(t)
	a, b := it.ImportImage(t, from, "a:1", "a"), it.ImportImage(t, from, "team/b", "b")
	if err := from.Tag(it.Ref("a:1"), it.Ref("a:2")); err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	for _, w := range []io.Writer{&one, &two} {
		if err := archive.Save(t.Context(), from, w, refs([]string{"a:1", "a:2", "team/b", b.ID.Hex[:12]})); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same images make other archives")
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(one.Bytes())
	_ = z.Close()
	for _, data := range [][]byte{one.Bytes(), zipped.Bytes()} {
		to := it.Open(t)
		loaded, err := archive.Load(t.Context(), to, bytes.NewReader(data), archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, l := range loaded {
			names = append(names, l.Name.Familiar())
		}
		if want := []string{"a:1", "a:2", "team/b:latest", ""}; !slices.Equal(names, want) {
			t.Errorf("loaded %q, want %q", names, want)
		}
		if got := it.Whole(t, to, "a:2"); got.ID != a.ID || got.Digest != a.Digest {
			t.Errorf("a:2 is %s, want %s", got.ID, a.ID)
		}
		if got := it.Whole(t, to, "team/b"); got.ID != b.ID {
			t.Errorf("team/b is %s, want %s", got.ID, b.ID)
		}
		if got := it.FilesIn(t, to.Blobs.IngestDir()); len(got) != 0 {
			t.Errorf("half-made files are left: %q", got)
		}
	}
}

// What is damaged is not passed on.
func TestSaveOfDamage(t *testing.T) {
	s := it.Open(t)
	path := s.Blobs.Path(it.ImportImage(t, s, "a", "x").Manifest.Layers[0].Digest)
	fi, err := os.Stat(path)
	if err == nil {
		err = os.WriteFile(path, make([]byte, fi.Size()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Save(t.Context(), s, io.Discard, refs([]string{"a"})); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("Save of a damaged layer = %v, want image.ErrCorrupt", err)
	}
}

func TestSaveOfNothingWritesNothing(t *testing.T) {
	s := it.Open(t)
	it.ImportImage(t, s, "a", "a")
	var b bytes.Buffer
	if err := archive.Save(t.Context(), s, &b, refs([]string{"a", "nothing"})); !errors.Is(err, image.ErrNotFound) || b.Len() > 0 {
		t.Errorf("Save = %v after %d bytes", err, b.Len())
	}
}

func TestLoadOldDockerArchive(t *testing.T) {
	s := it.Open(t)
	loaded, err := archive.Load(t.Context(), s, bytes.NewReader(it.DockerArchive(t, string(it.TarOf(t, "f", []byte("x"))))), archive.Options{})
	if err != nil || len(loaded) != 2 {
		t.Fatalf("Load = %v, %v", loaded, err)
	}
	img := it.Whole(t, s, "old:2")
	layers, err := img.Layers()
	if err != nil || len(layers) != 2 {
		t.Errorf("Layers = %v, %v", layers, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := it.DockerArchive(t, string(it.TarOf(t, "f", []byte("x"))))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(good)
	_ = z.Close()
	index := func(digest string) it.File {
		return it.File{Name: "index.json", Body: `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.Manifest.v1+json","digest":"` + digest + `","size":2}]}`}
	}
	layout := func(config, fields string) []byte {
		manifest := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":%q,%s},"layers":[]}`, types.OCIConfigJSON, fields)
		digest := fmt.Sprintf("%x", sha256.Sum256([]byte(manifest)))
		return it.ArchiveOf(t, index("sha256:"+digest), it.File{Name: "blobs/sha256/" + digest, Body: manifest},
			it.File{Name: fmt.Sprintf("blobs/sha256/%x", sha256.Sum256([]byte(config))), Body: config})
	}
	// A layout whose configuration is big, whatever its manifest says.
	big := func(size int64) []byte {
		config := strings.Repeat(" ", image.MaxMetadata) + "{}"
		return layout(config, fmt.Sprintf(`"digest":"sha256:%x","size":%d`, sha256.Sum256([]byte(config)), size))
	}
	tests := map[string]struct {
		data []byte
		says string
	}{
		"big config":          {big(image.MaxMetadata + 2), "no manifest or configuration is bigger"},
		"big config unspoken": {big(2), "no manifest or configuration is bigger"},
		"big index":           {it.ArchiveOf(t, it.File{Name: "index.json", Body: strings.Repeat(" ", image.MaxMetadata) + "{}"}), "no manifest or configuration is bigger"},
		"no config":           {layout("{}", `"size":2`), "no usable digest"},
		"config of no size":   {layout("{}", `"digest":"`+it.DigestA+`","size":-1`), "no usable digest"},
		"nothing":             {nil, "no image archive"},
		"no archive":          {bytes.Repeat([]byte("text "), 1000), "invalid tar header"},
		"a root file system":  {it.ArchiveOf(t, it.File{Name: "bin/sh", Body: "x"}), "no image archive"},
		"cut":                 {good[:len(good)/2], "unexpected EOF"},
		"cut gzip":            {zipped.Bytes()[:zipped.Len()/2], "unexpected EOF"},
		"xz":                  {[]byte("\xfd7zXZ\x00rest"), "xz: "},
		"missing layer":       {it.ArchiveOf(t, it.File{Name: "c.json", Body: "{}"}, it.File{Name: "manifest.json", Body: `[{"Config":"c.json","Layers":["no.tar"]}]`}), "no.tar"},
		"missing config":      {it.ArchiveOf(t, it.File{Name: "manifest.json", Body: `[{"Config":"c.json"}]`}), "c.json"},
		"config outside":      {it.ArchiveOf(t, it.File{Name: "manifest.json", Body: `[{"Config":"../../../../etc/passwd"}]`}), "no ../../../../etc/passwd"},
		"link outside":        {it.ArchiveOf(t, it.File{Name: "c.json", Typ: tar.TypeSymlink, Link: "/etc/passwd"}, it.File{Name: "manifest.json", Body: `[{"Config":"c.json"}]`}), "no c.json"},
		"link loop":           {it.ArchiveOf(t, it.File{Name: "a", Typ: tar.TypeSymlink, Link: "b"}, it.File{Name: "b", Typ: tar.TypeSymlink, Link: "a"}, it.File{Name: "manifest.json", Body: `[{"Config":"a"}]`}), "no a"},
		"bad json":            {it.ArchiveOf(t, it.File{Name: "manifest.json", Body: `[`}), "manifest.json"},
		"layers too few":      {bytes.Replace(good, []byte(`,"two/layer.tar"]`), []byte(`]                `), 1), "1 layers"},
		"manifest missing":    {it.ArchiveOf(t, index(it.DigestA)), "blobs/sha256/aaa"},
		"manifest wrong":      {it.ArchiveOf(t, index(it.DigestA), it.File{Name: "blobs/sha256/" + strings.Repeat("a", 64), Body: "{}"}), image.ErrDigest.Error()},
		"digest that climbs":  {it.ArchiveOf(t, index("sha256:../../../../../../etc/passwd")), "index.json"},
		"digest of sha1":      {it.ArchiveOf(t, index("sha1:"+strings.Repeat("a", 40))), "index.json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := it.Open(t)
			_, err := archive.Load(t.Context(), s, bytes.NewReader(tt.data), archive.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Load = %v, want %q", err, tt.says)
			}
			it.NoBlob(t, s)
		})
	}
}

func TestLoadDirStaysInside(t *testing.T) {
	s := it.Open(t)
	outside := filepath.Join(t.TempDir(), "index.json")
	if err := os.WriteFile(outside, []byte(`{"schemaVersion":2,"manifests":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "index.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.LoadDir(t.Context(), s, dir, archive.Options{}); err == nil {
		t.Error("a layout's index was read from outside of it")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(it.DockerArchive(f, "layer"))
	f.Add(it.ArchiveOf(f, it.File{Name: "index.json", Body: `{"manifests":[{"digest":"` + it.DigestA + `"}]}`}))
	f.Add([]byte("\x1f\x8b"))
	s := it.Open(f) // one for all: making a store waits for the disk
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := archive.Load(t.Context(), s, bytes.NewReader(data), archive.Options{}); err == nil {
			if _, err := s.List(); err != nil {
				t.Errorf("what was loaded can't be listed: %v", err)
			}
		}
		if got := it.FilesIn(t, s.Blobs.IngestDir()); len(got) != 0 {
			t.Errorf("half-made files are left: %q", got)
		}
		if got := it.FilesIn(t, filepath.Dir(filepath.Dir(s.Blobs.IngestDir()))); len(got) != 1 {
			t.Errorf("files beside the store: %q", got)
		}
	})
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLimitUnpacked(t *testing.T) {
	big := it.TarOf(t, "layer.tar", make([]byte, 2<<20))
	var tarball bytes.Buffer
	tarball.Write(it.DockerArchive(t, string(big)))
	s := it.Open(t)
	limit := archive.Options{MaxFile: 1 << 20}
	if _, err := archive.Load(t.Context(), s, &tarball, limit); !errors.Is(err, image.ErrTooBig) {
		t.Errorf("Load = %v, want image.ErrTooBig", err)
	}
	it.NoBlob(t, s)
	for name, r := range map[string]io.Reader{"tarball": bytes.NewReader(big), "endless": io.MultiReader(bytes.NewReader(big[:1024]), zeros{})} {
		if _, err := archive.Import(t.Context(), s, r, archive.ImportOptions{Name: it.Ref("big"), Options: limit}); !errors.Is(err, image.ErrTooBig) || strings.Contains(fmt.Sprint(err), "no tarball") {
			t.Errorf("Import of a %s = %v, want image.ErrTooBig", name, err)
		}
		it.NoBlob(t, s)
	}
}
