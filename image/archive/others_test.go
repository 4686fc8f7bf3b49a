package archive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

// layout is an OCI image layout in the making, as other tools write them.
type layout struct {
	t     *testing.T
	files []it.File
}

func (l *layout) blob(data string, mediaType types.MediaType) v1.Descriptor {
	l.t.Helper()
	h, size, err := v1.SHA256(strings.NewReader(data))
	if err != nil {
		l.t.Fatal(err)
	}
	l.files = append(l.files, it.File{Name: "blobs/sha256/" + h.Hex, Body: data})
	return v1.Descriptor{MediaType: mediaType, Digest: h, Size: size}
}

func (l *layout) json(v any, mediaType types.MediaType) v1.Descriptor {
	l.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.blob(string(data), mediaType)
}

// image is one of a layer with the content.
func (l *layout) image(platform, content string, configType types.MediaType) v1.Descriptor {
	l.t.Helper()
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		l.t.Fatal(err)
	}
	layer := l.blob(string(it.TarOf(l.t, "file", []byte(content))), types.OCIUncompressedLayer)
	config := l.json(v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{layer.Digest}}}, configType)
	desc := l.json(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer}}, types.OCIManifestSchema1)
	desc.Platform = p
	return desc
}

// signature is what cosign puts beside an image.
func (l *layout) signature() v1.Descriptor {
	layer := l.blob(`{"critical":{}}`, "application/vnd.dev.cosign.simplesigning.v1+json")
	config := l.json(v1.ConfigFile{RootFS: v1.RootFS{DiffIDs: []v1.Hash{layer.Digest}}}, types.OCIConfigJSON)
	return l.json(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{layer}}, types.OCIManifestSchema1)
}

func (l *layout) index(children ...v1.Descriptor) v1.Descriptor {
	return l.json(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: children}, types.OCIImageIndex)
}

// without leaves out everything that only the image needs.
func (l *layout) without(make func()) {
	before := len(l.files)
	make()
	l.files = l.files[:before]
}

func (l *layout) tar(top ...v1.Descriptor) *bytes.Reader {
	l.t.Helper()
	data, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, Manifests: top})
	if err != nil {
		l.t.Fatal(err)
	}
	return bytes.NewReader(it.ArchiveOf(l.t, append(l.files, it.File{Name: "index.json", Body: string(data)})...))
}

func called(d v1.Descriptor, name string) v1.Descriptor {
	d.Annotations = map[string]string{"io.containerd.image.name": name}
	return d
}

// Docker 25 saves an image that is named by its ID with an index of nothing.
func TestLoadFallsBackToManifestJSON(t *testing.T) {
	layer := string(it.TarOf(t, "f", []byte("x")))
	for _, index := range []string{`{"schemaVersion":2,"manifests":null}`, `{"schemaVersion":2,"manifests":[]}`} {
		s := it.Open(t)
		loaded, err := archive.Load(t.Context(), s, bytes.NewReader(it.DockerArchive(t, layer, it.File{Name: "index.json", Body: index})), archive.Options{})
		if err != nil || len(loaded) != 2 {
			t.Errorf("Load of an archive with the index %s = %v, %v", index, loaded, err)
		}
		it.Whole(t, s, "old:1")
	}
}

// A load that brings nothing says so.
func TestLoadOfNothing(t *testing.T) {
	for name, files := range map[string][]it.File{
		"empty index":    {{Name: "index.json", Body: `{"schemaVersion":2,"manifests":[]}`}},
		"null index":     {{Name: "index.json", Body: `{"schemaVersion":2,"manifests":null}`}},
		"empty manifest": {{Name: "manifest.json", Body: `[]`}},
		"null manifest":  {{Name: "manifest.json", Body: `null`}},
		"both":           {{Name: "index.json", Body: `{}`}, {Name: "manifest.json", Body: `[]`}},
	} {
		loaded, err := archive.Load(t.Context(), it.Open(t), bytes.NewReader(it.ArchiveOf(t, files...)), archive.Options{})
		if err == nil || !strings.Contains(err.Error(), "no image in it") {
			t.Errorf("%s: Load = %v, %v; want an error", name, loaded, err)
		}
	}
}

// Docker's containerd store lists all platforms and saves the blobs of one.
func TestLoadChoosesAmongWhatIsThere(t *testing.T) {
	here, other := "linux/"+image.MachinePlatform().Architecture, "linux/s390x"
	tests := map[string]struct {
		listed, there []string
		platform      string
		want          string // "" is an error
	}{
		"this machine's":               {[]string{other, here}, []string{other, here}, "", here},
		"another one is there":         {[]string{here, other}, []string{other}, "", other},
		"asked for":                    {[]string{here, other}, []string{here, other}, other, other},
		"asked for and not there":      {[]string{here, other}, []string{here}, other, ""},
		"asked for and not listed":     {[]string{here}, []string{here}, other, ""},
		"only this machine's is there": {[]string{other, here}, []string{here}, "", here},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := &layout{t: t}
			var children []v1.Descriptor
			for _, p := range tt.listed {
				add := func() { children = append(children, l.image(p, p, types.OCIConfigJSON)) }
				if strings.Contains(strings.Join(tt.there, " "), p) {
					add()
				} else {
					l.without(add)
				}
			}
			attestation := l.signature()
			attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
			opt := archive.Options{}
			if tt.platform != "" {
				opt.Platform, _ = image.ParsePlatform(tt.platform)
			}
			s := it.Open(t)
			loaded, err := archive.Load(t.Context(), s, l.tar(called(l.index(append(children, attestation)...), "docker.io/library/app:1")), opt)
			if tt.want == "" {
				if !errors.Is(err, image.ErrPlatform) {
					t.Errorf("Load = %v, %v; want ErrPlatform", loaded, err)
				}
				return
			}
			if err != nil || len(loaded) != 1 || "linux/"+loaded[0].Config.Architecture != tt.want {
				t.Fatalf("Load = %v, %v; want %s", loaded, err, tt.want)
			}
			it.Whole(t, s, "app:1")
		})
	}
}

// An attestation beside a single image that names no platform.
func TestLoadOfAnImageWithoutPlatform(t *testing.T) {
	l, s := &layout{t: t}, it.Open(t)
	img := l.image("linux/"+image.MachinePlatform().Architecture, "x", types.OCIConfigJSON)
	img.Platform = nil
	attestation := l.signature()
	attestation.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	if _, err := archive.Load(t.Context(), s, l.tar(called(l.index(attestation, img), "docker.io/library/app:1")), archive.Options{}); err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, "app:1")
}

// What is no image is skipped and named; images before and after it are loaded.
func TestLoadSkipsWhatIsNoImage(t *testing.T) {
	l, s := &layout{t: t}, it.Open(t)
	here := "linux/" + image.MachinePlatform().Architecture
	chart := l.json(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{},
		Config: l.blob("{}", "application/vnd.cncf.helm.config.v1+json"),
	}, types.OCIManifestSchema1)
	var skipped []string
	loaded, err := archive.Load(t.Context(), s, l.tar(
		called(l.image(here, "a", types.OCIConfigJSON), "docker.io/library/a:1"), called(l.signature(), "docker.io/library/a:sha256-x.sig"),
		called(chart, "docker.io/library/chart:1"), called(l.image(here, "b", types.OCIConfigJSON), "docker.io/library/b:1"),
	), archive.Options{Skipped: func(why error) { skipped = append(skipped, fmt.Sprint(why)) }})
	if err != nil || len(loaded) != 2 {
		t.Fatalf("Load = %v, %v; want both images", loaded, err)
	}
	if len(skipped) != 2 || !strings.Contains(skipped[0], "sha256-x.sig") || !strings.Contains(skipped[1], "chart:1") {
		t.Errorf("skipped %q, want the signature and the chart", skipped)
	}
	it.Whole(t, s, "a:1")
	it.Whole(t, s, "b:1")
	if _, err := archive.Load(t.Context(), s, l.tar(called(chart, "docker.io/library/chart:1")), archive.Options{}); err == nil || !strings.Contains(err.Error(), "chart:1") {
		t.Errorf("Load of a chart alone = %v, want it named", err)
	}
}

// Registries of Docker 1.10's time have other types for configurations.
func TestLoadTakesOldConfigurations(t *testing.T) {
	for _, mediaType := range []types.MediaType{"application/octet-stream", "text/html", "application/json", ""} {
		l, s := &layout{t: t}, it.Open(t)
		desc := called(l.image("linux/"+image.MachinePlatform().Architecture, "x", mediaType), "docker.io/library/app:1")
		if _, err := archive.Load(t.Context(), s, l.tar(desc), archive.Options{}); err != nil {
			t.Errorf("Load of a configuration of type %q: %v", mediaType, err)
			continue
		}
		it.Whole(t, s, "app:1")
	}
}

// One bad name does not lose the image.
func TestLoadOfABadName(t *testing.T) {
	good := it.DockerArchive(t, string(it.TarOf(t, "f", []byte("x"))))
	for _, name := range []string{"Old:1", "o@d:1"} {
		s := it.Open(t)
		var skipped []string
		loaded, err := archive.Load(t.Context(), s, bytes.NewReader(bytes.Replace(good, []byte("old:1"), []byte(name), 1)),
			archive.Options{Skipped: func(why error) { skipped = append(skipped, why.Error()) }})
		if err != nil || len(loaded) != 1 || loaded[0].Name.Familiar() != "old:2" {
			t.Errorf("Load = %v, %v; want the other name", loaded, err)
		}
		if len(skipped) != 1 || !strings.Contains(skipped[0], "invalid reference format") || !strings.Contains(skipped[0], name) {
			t.Errorf("skipped %q, want the bad name", skipped)
		}
		it.Whole(t, s, "old:2")
	}
}

// A repository without a tag is all its tags.
func TestSaveOfARepository(t *testing.T) {
	from, to := it.Open(t), it.Open(t)
	it.ImportImage(t, from, "team/app:1", "a")
	it.ImportImage(t, from, "team/app:2", "b")
	it.ImportImage(t, from, "team/other:1", "c")
	var b bytes.Buffer
	if err := archive.Save(t.Context(), from, &b, refs([]string{"team/app"})); err != nil {
		t.Fatal(err)
	}
	loaded, err := archive.Load(t.Context(), to, &b, archive.Options{})
	if err != nil || len(loaded) != 2 {
		t.Errorf("saved %v, %v; want both tags", loaded, err)
	}
	it.Whole(t, to, "team/app:1")
	it.Whole(t, to, "team/app:2")
}
