package image

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// importImage makes an image of one file in the store.
func importImage(t testing.TB, s *Store, name, content string) *Image {
	t.Helper()
	img, err := s.Import(t.Context(), bytes.NewReader(tarOf(t, "file", []byte(content))), ImportOptions{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestOpenTouchesNothing(t *testing.T) {
	root := t.TempDir()
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of an empty store = %v", err)
	}
	if images, err := s.List(); err != nil || len(images) != 0 {
		t.Errorf("List of an empty store = %v, %v", images, err)
	}
	if got := filesIn(t, root); len(got) != 0 {
		t.Errorf("looking made %q", got)
	}
}

func TestGetFinds(t *testing.T) {
	s := open(t)
	img := importImage(t, s, "team/app:1", "a")
	hex := img.ID.Hex
	for _, ref := range []string{"team/app:1", "docker.io/team/app:1", hex, "sha256:" + hex, hex[:12], hex[:4], "sha256:" + hex[:8], img.Digest.String()} {
		got, err := s.Get(ref)
		if err != nil || got.ID != img.ID {
			t.Errorf("Get(%q) = %v, %v", ref, got, err)
		}
	}
	for _, ref := range []string{"team/app", "team/app:2", "app:1", "sha256:" + strings.Repeat("0", 64), "quay.io/team/app:1"} {
		if _, err := s.Get(ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", ref, err)
		}
	}
	for _, ref := range []string{"", "Team/app", "team app", "team/app:"} {
		if _, err := s.Get(ref); !errors.Is(err, ErrBadReference) {
			t.Errorf("Get(%q) = %v, want ErrBadReference", ref, err)
		}
	}
}

func TestNamesGoBeforeIDs(t *testing.T) {
	s := open(t)
	first := importImage(t, s, "first", "a")
	second := importImage(t, s, first.ID.Hex[:8], "b")
	if got, err := s.Get(first.ID.Hex[:8]); err != nil || got.ID != second.ID {
		t.Errorf("a name that looks like an ID leads to %v, %v", got, err)
	}
}

func TestAmbiguousID(t *testing.T) {
	s := open(t)
	seen := map[byte]bool{}
	for i := range 17 { // of 17 IDs two begin alike
		img := importImage(t, s, "", strings.Repeat("x", i))
		first := img.ID.Hex[0]
		if _, err := s.Get(string(first)); seen[first] != (err != nil) {
			t.Errorf("Get(%c) = %v, seen before: %v", first, err, seen[first])
		}
		seen[first] = true
	}
}

func TestANameHasOneImage(t *testing.T) {
	s := open(t)
	old := importImage(t, s, "app", "old")
	now := importImage(t, s, "app", "new")
	if got, err := s.Get("app"); err != nil || got.ID != now.ID {
		t.Errorf("app is %v, %v", got, err)
	}
	got, err := s.Get(old.ID.String())
	if err != nil || len(got.Names) != 0 {
		t.Errorf("the old image has the names %v, %v; want none", got, err)
	}
	if images, _ := s.List(); len(images) != 2 {
		t.Errorf("%d images, want 2", len(images))
	}
}

// Other tools write into the layout what they call an image.
func TestNamesOfOtherTools(t *testing.T) {
	s := open(t)
	old, now := importImage(t, s, "app", "old"), importImage(t, s, "b:1", "new")
	idx, err := s.index()
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range idx.Manifests {
		if d.Digest == now.Digest {
			idx.Manifests[i].Annotations[annotationName] = "app"
			idx.Manifests = append(idx.Manifests, named(d, "1.36", v1.Descriptor{}), named(d, "No Name", v1.Descriptor{}))
		}
	}
	if err := jsonfile.Write(s.indexPath(), idx, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get("app"); err != nil || got.ID != now.ID || !slices.Equal(got.Names, []string{"app:latest"}) {
		t.Errorf("app is %+v, %v", got, err)
	}
	if got, err := s.Get(old.ID.String()); err != nil || len(got.Names) != 0 {
		t.Errorf("the old image is %+v, %v; want it without a name", got, err)
	}
	if _, err := s.Remove("app", false, nil); err != nil {
		t.Error(err)
	}
	if images, err := s.List(); err != nil || len(images) != 1 || images[0].ID != old.ID {
		t.Errorf("what is left is %v, %v", images, err)
	}
}

func TestTag(t *testing.T) {
	s := open(t)
	a, b := importImage(t, s, "a", "a"), importImage(t, s, "b", "b")
	for range 2 {
		if err := s.Tag("a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Tag(a.ID.Hex[:12], "c:2"); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get("b")
	if err != nil || !slices.Equal(got.Names, []string{"a:latest", "b:latest", "c:2"}) || got.ID != a.ID {
		t.Errorf("b is %+v, %v", got, err)
	}
	if got, err := s.Get(b.ID.String()); err != nil || len(got.Names) != 0 {
		t.Errorf("the image that was b is %+v, %v", got, err)
	}
	if err := s.Tag("nothing", "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Tag of nothing = %v", err)
	}
	for _, name := range []string{"X", "x@" + digestA, "x:"} {
		if err := s.Tag("a", name); !errors.Is(err, ErrBadReference) {
			t.Errorf("Tag(%q) = %v, want ErrBadReference", name, err)
		}
	}
}

func blobs(t *testing.T, s *Store) int { return len(filesIn(t, s.dir+"/blobs/sha256")) }

// Names that can't be the beginning of an ID: a removed one must not mean another image.
func TestRemove(t *testing.T) {
	s := open(t)
	img := importImage(t, s, "first", "a")
	kept := importImage(t, s, "kept", "b")
	if err := s.Tag("first", "second"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(img.ID.String(), false, nil); err == nil || !strings.Contains(err.Error(), "several repositories") {
		t.Errorf("Remove by ID with names in two repositories = %v", err)
	}
	done, err := s.Remove("first", false, nil)
	if err != nil || !slices.Equal(done.Untagged, []string{"first:latest"}) || len(done.Deleted) != 0 {
		t.Errorf("Remove of one of two names = %+v, %v", done, err)
	}
	done, err = s.Remove("second", false, nil)
	if err != nil || !slices.Equal(done.Deleted, []v1.Hash{img.ID}) {
		t.Errorf("Remove of the last name = %+v, %v", done, err)
	}
	if got := blobs(t, s); got != 3 {
		t.Errorf("%d blobs are left, want the other image's 3", got)
	}
	whole(t, s, kept.ID.String())
	if _, err := s.Remove("second", false, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("Remove again = %v", err)
	}
}

func TestRemoveOfAnImageInUse(t *testing.T) {
	tests := []struct {
		name           string
		running, force bool
		byID           bool
		want           error
	}{
		{"stopped", false, false, false, ErrInUse},
		{"stopped by force", false, true, false, nil},
		{"running", true, false, false, ErrInUse},
		{"running by ID and force", true, true, true, ErrInUse},
		{"running by name and force", true, true, false, nil}, // loses its name only
	}
	for _, tt := range tests {
		s := open(t)
		img := importImage(t, s, "a", "a")
		ref := "a"
		if tt.byID {
			ref = img.ID.Hex
		}
		_, err := s.Remove(ref, tt.force, []Use{{Image: img.ID, Container: "c1", Running: tt.running}})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Remove = %v, want %v", tt.name, err, tt.want)
		}
		_, err = s.Get(img.ID.Hex)
		if gone := errors.Is(err, ErrNotFound); gone != (tt.want == nil && !tt.running) {
			t.Errorf("%s: the image is gone: %v (%v)", tt.name, gone, err)
		}
	}
}

// Layers that two images share stay as long as one of them does.
func TestSharedLayersStay(t *testing.T) {
	s := open(t)
	base := makeImage(t, 1000, 1)
	reg := newRegistry(t)
	small := reg.push(t, "small", base)
	big := reg.push(t, "big", appendLayer(t, base, tarOf(t, "more", []byte("more"))))
	for _, ref := range []string{small, big} {
		if _, err := s.Pull(t.Context(), ref, PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Remove(small, false, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, s, big)
	if _, err := s.Remove(big, false, nil); err != nil {
		t.Fatal(err)
	}
	if got := blobs(t, s); got != 0 {
		t.Errorf("%d blobs are left of no image", got)
	}
}

func TestPrune(t *testing.T) {
	s := open(t)
	importImage(t, s, "app", "old")
	importImage(t, s, "app", "new")
	used := importImage(t, s, "", "used")
	if err := os.WriteFile(s.ingestDir()+"/sha256-half", make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	done, freed, err := s.Prune(false, []Use{{Image: used.ID}}, nil)
	if err != nil || len(done.Deleted) != 1 || freed < 1000 {
		t.Errorf("Prune = %+v, %d, %v; want the old app gone, and the half download", done, freed, err)
	}
	if got := filesIn(t, s.ingestDir()); len(got) != 0 {
		t.Errorf("half-made files are left: %q", got)
	}
	done, _, err = s.Prune(true, nil, func(img *Image) bool { return slices.Contains(img.Names, "app:latest") })
	if err != nil || !slices.Equal(done.Deleted, []v1.Hash{used.ID}) {
		t.Errorf("Prune of all but app = %+v, %v", done, err)
	}
	whole(t, s, "app")
}

// While someone holds the store, nothing is collected; afterwards it is.
func TestHoldKeepsBlobs(t *testing.T) {
	s := open(t)
	importImage(t, s, "a", "a")
	release, err := s.Hold()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove("a", false, nil); err != nil {
		t.Fatal(err)
	}
	if got := blobs(t, s); got != 3 {
		t.Errorf("%d blobs are left under a hold, want 3", got)
	}
	release()
	if err := s.collect(); err != nil || blobs(t, s) != 0 {
		t.Errorf("%d blobs are left after it, %v", blobs(t, s), err)
	}
}

func TestCheckAndRepair(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	pulled := reg.push(t, "app", makeImage(t, 1000, 2))
	img, err := s.Pull(t.Context(), pulled, PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lost := importImage(t, s, "lost", "x")
	whole(t, s, "lost")
	hurt := []v1.Hash{img.manifest.Layers[0].Digest, lost.manifest.Layers[0].Digest, img.Digest}
	for i, h := range hurt {
		if err := os.WriteFile(s.blobPath(h), bytes.Repeat([]byte{'x'}, 7*(i+1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(s.blobPath(img.manifest.Layers[1].Digest)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(pulled); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Get of a damaged image = %v, want ErrCorrupt", err)
	}
	if images, err := s.List(); len(images) != 1 || err == nil || !strings.Contains(err.Error(), "app") {
		t.Errorf("List = %v, %v; want the other image, and this one named", images, err)
	}
	// With its manifest gone, nobody knows of the layers; once it is back, they
	// are looked at. So repair until nothing is found.
	for range 3 {
		damage, err := s.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(damage) == 0 {
			break
		}
		if _, err := s.Repair(t.Context(), damage, true, PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, s, pulled)
	if _, err := s.Get("lost"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of what could not be repaired = %v, want it gone", err)
	}
}

// What was pulled for another platform is fetched for that again.
func TestRepairOfAnotherPlatform(t *testing.T) {
	reg, s := newRegistry(t), open(t)
	full := reg.host + "/multi:1"
	pushIndex(t, full, map[string]v1.Image{"linux/s390x": makeImage(t, 1000, 1)})
	img, err := s.Pull(t.Context(), full, PullOptions{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.blobPath(img.manifest.Layers[0].Digest)); err != nil {
		t.Fatal(err)
	}
	damage, err := s.Check(t.Context())
	if err != nil || len(damage) != 1 {
		t.Fatalf("Check = %v, %v; want the layer", damage, err)
	}
	if _, err := s.Repair(t.Context(), damage, false, PullOptions{}); err != nil {
		t.Error(err)
	}
	whole(t, s, full)
}

func TestCorruptIndexIsNamed(t *testing.T) {
	s := open(t)
	importImage(t, s, "a", "a")
	if err := os.WriteFile(s.indexPath(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("a"); err == nil || !strings.Contains(err.Error(), "index.json") {
		t.Errorf("Get = %v, want the file named", err)
	}
	if err := s.Tag("a", "b"); err == nil {
		t.Error("a damaged index was overwritten")
	}
}
