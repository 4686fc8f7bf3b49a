package registry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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

// Layers that another repository of the registry has are not sent again.
func TestPushMountsLayers(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	ref := reg.Push(t, "base", it.MakeImage(t, 10_000, 2))
	if _, err := Pull(t.Context(), s, it.Ref(ref), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	mine := it.Ref(reg.Host + "/team/mine:1")
	if err := s.Tag(it.Ref(ref), mine); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	mounts := map[string]bool{}
	reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/team/mine/blobs/") {
			w.WriteHeader(http.StatusNotFound) // this registry has one store for all repositories
			return true
		}
		if digest := r.URL.Query().Get("mount"); digest != "" && r.URL.Query().Get("from") == "base" {
			mounts[digest] = true
		}
		return false
	})
	if _, err := Push(t.Context(), s, mine, PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(mounts) != 2 {
		t.Errorf("%d layers were mounted, want 2", len(mounts))
	}
	reg.SetFault(nil)
	if _, err := Pull(t.Context(), it.Open(t), mine, PullOptions{}); err != nil {
		t.Error(err)
	}
}

// What an index leads to and the registry does not have is named.
func TestPullOfAnIndexWithoutItsImage(t *testing.T) {
	reg := it.NewRegistry(t)
	full := reg.Host + "/multi:1"
	it.PushIndex(t, full, map[string]v1.Image{"linux/" + image.MachinePlatform().Architecture: it.MakeImage(t, 1000, 1)})
	reg.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/sha256:") {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	_, err := Pull(t.Context(), it.Open(t), it.Ref(full), PullOptions{})
	if !errors.Is(err, image.ErrNotFound) || !strings.Contains(err.Error(), "the index leads to the image sha256:") {
		t.Errorf("Pull = %v, want the missing image named", err)
	}
}
