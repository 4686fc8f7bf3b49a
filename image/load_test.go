package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestSaveLoad(t *testing.T) {
	from := open(t)
	a, b := importImage(t, from, "a:1", "a"), importImage(t, from, "team/b", "b")
	if err := from.Tag("a:1", "a:2"); err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	for _, w := range []io.Writer{&one, &two} {
		if err := from.Save(t.Context(), w, []string{"a:1", "a:2", "team/b", b.ID.Hex[:12]}); err != nil {
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
	for _, archive := range [][]byte{one.Bytes(), zipped.Bytes()} {
		to := open(t)
		loaded, err := to.Load(t.Context(), bytes.NewReader(archive))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, l := range loaded {
			names = append(names, l.Name)
		}
		if want := []string{"a:1", "a:2", "team/b:latest", ""}; !slices.Equal(names, want) {
			t.Errorf("loaded %q, want %q", names, want)
		}
		if got := whole(t, to, "a:2"); got.ID != a.ID || got.Digest != a.Digest {
			t.Errorf("a:2 is %s, want %s", got.ID, a.ID)
		}
		if got := whole(t, to, "team/b"); got.ID != b.ID {
			t.Errorf("team/b is %s, want %s", got.ID, b.ID)
		}
		if got := filesIn(t, to.ingestDir()); len(got) != 0 {
			t.Errorf("half-made files are left: %q", got)
		}
	}
}

// What is damaged is not passed on.
func TestSaveOfDamage(t *testing.T) {
	s := open(t)
	path := s.blobPath(importImage(t, s, "a", "x").manifest.Layers[0].Digest)
	fi, err := os.Stat(path)
	if err == nil {
		err = os.WriteFile(path, make([]byte, fi.Size()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), io.Discard, []string{"a"}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Save of a damaged layer = %v, want ErrCorrupt", err)
	}
}

func TestSaveOfNothingWritesNothing(t *testing.T) {
	s := open(t)
	importImage(t, s, "a", "a")
	var b bytes.Buffer
	if err := s.Save(t.Context(), &b, []string{"a", "nothing"}); !errors.Is(err, ErrNotFound) || b.Len() > 0 {
		t.Errorf("Save = %v after %d bytes", err, b.Len())
	}
}

// file is a member of an archive under test.
type file struct {
	name, body, link string
	typ              byte
}

func archiveOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		hdr := &tar.Header{Name: f.name, Typeflag: f.typ, Linkname: f.link, Size: int64(len(f.body)), Mode: 0o644}
		if f.typ == 0 {
			hdr.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, f.body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dockerArchive is what old docker save wrote, with its second layer a link to
// the first.
func dockerArchive(t testing.TB, layer string, more ...file) []byte {
	t.Helper()
	id, _, err := v1.SHA256(strings.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(v1.ConfigFile{OS: "linux", Architecture: machinePlatform().Architecture, RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{id, id}}})
	if err != nil {
		t.Fatal(err)
	}
	return archiveOf(t, append([]file{
		{name: "c.json", body: string(config)},
		{name: "one/layer.tar", body: layer},
		{name: "two/layer.tar", typ: tar.TypeSymlink, link: "../one/layer.tar"},
		{name: "manifest.json", body: `[{"Config":"c.json","RepoTags":["old:1","old:2"],"Layers":["one/layer.tar","two/layer.tar"]}]`},
	}, more...)...)
}

func TestLoadOldDockerArchive(t *testing.T) {
	s := open(t)
	loaded, err := s.Load(t.Context(), bytes.NewReader(dockerArchive(t, string(tarOf(t, "f", []byte("x"))))))
	if err != nil || len(loaded) != 2 {
		t.Fatalf("Load = %v, %v", loaded, err)
	}
	img := whole(t, s, "old:2")
	layers, err := img.Layers()
	if err != nil || len(layers) != 2 {
		t.Errorf("Layers = %v, %v", layers, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := dockerArchive(t, string(tarOf(t, "f", []byte("x"))))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(good)
	_ = z.Close()
	index := func(digest string) file {
		return file{name: "index.json", body: `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + digest + `","size":2}]}`}
	}
	layout := func(config, fields string) []byte {
		manifest := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":%q,%s},"layers":[]}`, types.OCIConfigJSON, fields)
		digest := fmt.Sprintf("%x", sha256.Sum256([]byte(manifest)))
		return archiveOf(t, index("sha256:"+digest), file{name: "blobs/sha256/" + digest, body: manifest},
			file{name: fmt.Sprintf("blobs/sha256/%x", sha256.Sum256([]byte(config))), body: config})
	}
	// A layout whose configuration is big, whatever its manifest says.
	big := func(size int64) []byte {
		config := strings.Repeat(" ", maxMetadata) + "{}"
		return layout(config, fmt.Sprintf(`"digest":"sha256:%x","size":%d`, sha256.Sum256([]byte(config)), size))
	}
	tests := map[string]struct {
		archive []byte
		says    string
	}{
		"big config":          {big(maxMetadata + 2), "no manifest or configuration is bigger"},
		"big config unspoken": {big(2), "no manifest or configuration is bigger"},
		"big index":           {archiveOf(t, file{name: "index.json", body: strings.Repeat(" ", maxMetadata) + "{}"}), "no manifest or configuration is bigger"},
		"no config":           {layout("{}", `"size":2`), "no usable digest"},
		"config of no size":   {layout("{}", `"digest":"`+digestA+`","size":-1`), "no usable digest"},
		"nothing":             {nil, "no image archive"},
		"no archive":          {bytes.Repeat([]byte("text "), 1000), "invalid tar header"},
		"a root file system":  {archiveOf(t, file{name: "bin/sh", body: "x"}), "no image archive"},
		"cut":                 {good[:len(good)/2], "unexpected EOF"},
		"cut gzip":            {zipped.Bytes()[:zipped.Len()/2], "unexpected EOF"},
		"xz":                  {[]byte("\xfd7zXZ\x00rest"), "xz: "},
		"missing layer":       {archiveOf(t, file{name: "c.json", body: "{}"}, file{name: "manifest.json", body: `[{"Config":"c.json","Layers":["no.tar"]}]`}), "no.tar"},
		"missing config":      {archiveOf(t, file{name: "manifest.json", body: `[{"Config":"c.json"}]`}), "c.json"},
		"config outside":      {archiveOf(t, file{name: "manifest.json", body: `[{"Config":"../../../../etc/passwd"}]`}), "no ../../../../etc/passwd"},
		"link outside":        {archiveOf(t, file{name: "c.json", typ: tar.TypeSymlink, link: "/etc/passwd"}, file{name: "manifest.json", body: `[{"Config":"c.json"}]`}), "no c.json"},
		"link loop":           {archiveOf(t, file{name: "a", typ: tar.TypeSymlink, link: "b"}, file{name: "b", typ: tar.TypeSymlink, link: "a"}, file{name: "manifest.json", body: `[{"Config":"a"}]`}), "no a"},
		"bad json":            {archiveOf(t, file{name: "manifest.json", body: `[`}), "manifest.json"},
		"bad name":            {bytes.Replace(good, []byte(`old:1`), []byte(`Old:1`), 1), "invalid reference format"},
		"layers too few":      {bytes.Replace(good, []byte(`,"two/layer.tar"]`), []byte(`]                `), 1), "1 layers"},
		"manifest missing":    {archiveOf(t, index(digestA)), "blobs/sha256/aaa"},
		"manifest wrong":      {archiveOf(t, index(digestA), file{name: "blobs/sha256/" + strings.Repeat("a", 64), body: "{}"}), ErrDigest.Error()},
		"digest that climbs":  {archiveOf(t, index("sha256:../../../../../../etc/passwd")), "index.json"},
		"digest of sha1":      {archiveOf(t, index("sha1:"+strings.Repeat("a", 40))), "index.json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			_, err := s.Load(t.Context(), bytes.NewReader(tt.archive))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Load = %v, want %q", err, tt.says)
			}
			noBlob(t, s)
		})
	}
}

func TestLoadDirStaysInside(t *testing.T) {
	s := open(t)
	outside := filepath.Join(t.TempDir(), "index.json")
	if err := os.WriteFile(outside, []byte(`{"schemaVersion":2,"manifests":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "index.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LoadDir(t.Context(), dir); err == nil {
		t.Error("a layout's index was read from outside of it")
	}
}

func TestLayoutNames(t *testing.T) {
	tests := []struct {
		annotations map[string]string
		want        string
	}{
		{nil, ""},
		{map[string]string{annotationName: "busybox"}, "docker.io/library/busybox:latest"},
		{map[string]string{annotationName: "quay.io/a/b:1"}, "quay.io/a/b:1"},
		{map[string]string{annotationName: "latest"}, ""},
		{map[string]string{annotationName: "1.36"}, ""},
		{map[string]string{annotationName: "v2"}, ""},
		{map[string]string{annotationName: "1.36", "io.containerd.image.name": "docker.io/library/busybox:1.36"}, "docker.io/library/busybox:1.36"},
		{map[string]string{annotationName: "No Name"}, ""},
		{map[string]string{annotationName: "10.0.0.1:5000/app:1"}, "10.0.0.1:5000/app:1"},
		{map[string]string{annotationName: "v2ray/core"}, "docker.io/v2ray/core:latest"},
		{map[string]string{annotationName: "3proxy:1"}, "docker.io/library/3proxy:1"},
	}
	for _, tt := range tests {
		if got := layoutName(v1.Descriptor{Annotations: tt.annotations}); got != tt.want {
			t.Errorf("layoutName(%v) = %q, want %q", tt.annotations, got, tt.want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(dockerArchive(f, "layer"))
	f.Add(archiveOf(f, file{name: "index.json", body: `{"manifests":[{"digest":"` + digestA + `"}]}`}))
	f.Add([]byte("\x1f\x8b"))
	s := open(f) // one for all: making a store waits for the disk
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := s.Load(t.Context(), bytes.NewReader(data)); err == nil {
			if _, err := s.List(); err != nil {
				t.Errorf("what was loaded can't be listed: %v", err)
			}
		}
		if got := filesIn(t, s.ingestDir()); len(got) != 0 {
			t.Errorf("half-made files are left: %q", got)
		}
		if got := filesIn(t, filepath.Dir(s.dir)); len(got) != 1 {
			t.Errorf("files beside the store: %q", got)
		}
	})
}
