package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// rawLayer is a layer of bytes that nobody checked.
func rawLayer(data []byte, mediaType types.MediaType) v1.Layer {
	return static.NewLayer(data, mediaType)
}

// What registries hold that is no image to run: one line that says what it is,
// nothing in the store.
func TestPullRefusesMediaTypes(t *testing.T) {
	reg := newRegistry(t)
	with := func(mediaType types.MediaType) v1.Image {
		img, err := mutate.AppendLayers(makeImage(t, 1000, 1), rawLayer([]byte("x"), mediaType))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	tests := map[string]struct {
		img  v1.Image
		says string
	}{
		"encrypted":  {with("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), "can't be unpacked"},
		"helm":       {with("application/vnd.cncf.helm.chart.content.v1.tar+gzip"), "can't be unpacked"},
		"no type":    {with(""), "can't be unpacked"},
		"text":       {with("text/plain"), "can't be unpacked"},
		"artifact":   {mutate.ConfigMediaType(makeImage(t, 1000, 1), types.OCIEmptyJSON), "another kind of artifact"},
		"other":      {mutate.MediaType(makeImage(t, 1000, 1), "application/vnd.example.manifest+json"), "media type"},
		"schema one": {mutate.MediaType(makeImage(t, 1000, 1), types.DockerManifestSchema1Signed), "media type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			_, err := s.Pull(t.Context(), reg.push(t, strings.ReplaceAll(name, " ", "-"), tt.img), PullOptions{})
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Pull = %v, want one line that says %q", err, tt.says)
			}
			nothing(t, s)
		})
	}
}

// What is held in memory is bounded, whatever a registry has.
func TestPullRefusesBigMetadata(t *testing.T) {
	reg, s, long := newRegistry(t), open(t), strings.Repeat("x", maxMetadata)
	config, err := mutate.Config(makeImage(t, 1000, 1), v1.Config{Labels: map[string]string{"long": long}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]v1.Image{
		"config":   config,
		"manifest": mutate.Annotations(makeImage(t, 1000, 1), map[string]string{"long": long}).(v1.Image),
	}
	for name, img := range tests {
		_, err := s.Pull(t.Context(), reg.push(t, name, img), PullOptions{})
		if err == nil || !strings.Contains(err.Error(), "no manifest or configuration is bigger") {
			t.Errorf("Pull of a big %s = %v", name, err)
		}
	}
	nothing(t, s)
}

// A configuration and a manifest that don't go together.
func TestPullOfTooFewDiffIDs(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	img := makeImage(t, 1000, 2)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS.DiffIDs = config.RootFS.DiffIDs[:1]
	bad, err := mutate.ConfigFile(img, config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Pull(t.Context(), reg.push(t, "app", bad), PullOptions{})
	if err == nil || !strings.Contains(err.Error(), "2 layers and the configuration 1 diff-ids") {
		t.Errorf("Pull = %v", err)
	}
	nothing(t, s)
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLimitUnpacked(t *testing.T) {
	big := tarOf(t, "layer.tar", make([]byte, 2<<20))
	var archive bytes.Buffer
	archive.Write(dockerArchive(t, string(big)))
	s := open(t)
	s.LimitUnpacked(1 << 20)
	if _, err := s.Load(t.Context(), &archive); !errors.Is(err, ErrTooBig) {
		t.Errorf("Load = %v, want ErrTooBig", err)
	}
	noBlob(t, s)
	for name, r := range map[string]io.Reader{"tarball": bytes.NewReader(big), "endless": io.MultiReader(bytes.NewReader(big[:1024]), zeros{})} {
		if _, err := s.Import(t.Context(), r, ImportOptions{Name: "big"}); !errors.Is(err, ErrTooBig) || strings.Contains(fmt.Sprint(err), "no tarball") {
			t.Errorf("Import of a %s = %v, want ErrTooBig", name, err)
		}
		noBlob(t, s)
	}
}
