package registry

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

// rawLayer is a layer of bytes that nobody checked.
func rawLayer(data []byte, mediaType types.MediaType) v1.Layer {
	return static.NewLayer(data, mediaType)
}

// What registries hold that is no image to run: one line that says what it is,
// nothing in the store.
func TestPullRefusesMediaTypes(t *testing.T) {
	reg := it.NewRegistry(t)
	with := func(mediaType types.MediaType) v1.Image {
		img, err := mutate.AppendLayers(it.MakeImage(t, 1000, 1), rawLayer([]byte("x"), mediaType))
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
		"artifact":   {mutate.ConfigMediaType(it.MakeImage(t, 1000, 1), types.OCIEmptyJSON), "another kind of artifact"},
		"other":      {mutate.MediaType(it.MakeImage(t, 1000, 1), "application/vnd.example.manifest+json"), "media type"},
		"schema one": {mutate.MediaType(it.MakeImage(t, 1000, 1), types.DockerManifestSchema1Signed), "media type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := it.Open(t)
			_, err := Pull(t.Context(), s, it.Ref(reg.Push(t, strings.ReplaceAll(name, " ", "-"), tt.img)), PullOptions{})
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Pull = %v, want one line that says %q", err, tt.says)
			}
			it.Nothing(t, s)
		})
	}
}

// What is held in memory is bounded, whatever a registry has.
func TestPullRefusesBigMetadata(t *testing.T) {
	reg, s, long := it.NewRegistry(t), it.Open(t), strings.Repeat("x", image.MaxMetadata)
	config, err := mutate.Config(it.MakeImage(t, 1000, 1), v1.Config{Labels: map[string]string{"long": long}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]v1.Image{
		"config":   config,
		"manifest": mutate.Annotations(it.MakeImage(t, 1000, 1), map[string]string{"long": long}).(v1.Image),
	}
	for name, img := range tests {
		_, err := Pull(t.Context(), s, it.Ref(reg.Push(t, name, img)), PullOptions{})
		if err == nil || !strings.Contains(err.Error(), "no manifest or configuration is bigger") {
			t.Errorf("Pull of a big %s = %v", name, err)
		}
	}
	it.Nothing(t, s)
}

// A configuration and a manifest that don't go together.
func TestPullOfTooFewDiffIDs(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	img := it.MakeImage(t, 1000, 2)
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
	_, err = Pull(t.Context(), s, it.Ref(reg.Push(t, "app", bad)), PullOptions{})
	if err == nil || !strings.Contains(err.Error(), "2 layers and the configuration 1 diff-ids") {
		t.Errorf("Pull = %v", err)
	}
	it.Nothing(t, s)
}
