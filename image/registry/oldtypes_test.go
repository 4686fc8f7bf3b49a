package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
)

func TestPullTakesOldConfigurations(t *testing.T) {
	reg := it.NewRegistry(t)
	for _, mediaType := range []types.MediaType{"application/octet-stream", "text/html", "application/json"} {
		s := it.Open(t)
		ref := reg.Push(t, "app", mutate.ConfigMediaType(it.MakeImage(t, 1000, 1), mediaType))
		if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
			t.Errorf("Pull of a configuration of type %q: %v", mediaType, err)
			continue
		}
		it.Whole(t, s, ref)
	}
}

// Registries and what stands before them call indexes many things.
func TestPullGoesByWhatAnIndexSaysItIs(t *testing.T) {
	reg := it.NewRegistry(t)
	full := reg.Host + "/multi:1"
	it.PushIndex(t, full, map[string]v1.Image{"linux/" + image.MachinePlatform().Architecture: it.MakeImage(t, 1000, 1)})
	for _, contentType := range []string{string(types.OCIImageIndex) + "; charset=utf-8", "application/json", "application/octet-stream", "text/plain; charset=utf-8"} {
		reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/manifests/1") {
				return false
			}
			rec := httptest.NewRecorder()
			reg.Inner.ServeHTTP(rec, r)
			for k := range rec.Header() {
				w.Header().Set(k, rec.Header().Get(k))
			}
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
			return true
		})
		s := it.Open(t)
		if _, err := Pull(t.Context(), s, it.Ref(full), PullOptions{}); err != nil {
			t.Errorf("Pull of an index of type %q: %v", contentType, err)
			continue
		}
		it.Whole(t, s, full)
	}
}

func layerOfType(t *testing.T, mediaType types.MediaType, urls ...string) v1.Image {
	t.Helper()
	img, err := mutate.Append(it.MakeImage(t, 1000, 1), mutate.Addendum{
		Layer: rawLayer(it.TarOf(t, "more", []byte("more")), mediaType), MediaType: mediaType, URLs: urls,
	})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestPullTakesAllTypesOfLayers(t *testing.T) {
	reg := it.NewRegistry(t)
	for _, mediaType := range []types.MediaType{
		"application/vnd.docker.image.rootfs.diff.tar.zstd", "application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", types.OCIRestrictedLayer, types.DockerUncompressedLayer,
	} {
		s := it.Open(t)
		ref := reg.Push(t, "app", layerOfType(t, mediaType))
		if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
			t.Errorf("Pull of a layer of type %q: %v", mediaType, err)
			continue
		}
		it.Whole(t, s, ref)
	}
}

// A layer that the registry does not have is fetched from where its descriptor
// says, without the registry's credentials.
func TestPullOfAForeignLayer(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	content := it.TarOf(t, "more", []byte("more"))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the registry's credentials were sent elsewhere")
		}
		_, _ = w.Write(content)
	}))
	defer elsewhere.Close()
	img := layerOfType(t, types.DockerForeignLayer, elsewhere.URL+"/gone", elsewhere.URL+"/layer")
	ref := reg.Push(t, "app", img)
	digest, _, _ := v1.SHA256(strings.NewReader(string(content)))
	reg.SetFault(it.OnBlob(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, digest.String()) {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	}))
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, ref)
}
