package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/internal/jsonfile"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	it "github.com/mvrun/mvrun/image/internal/imagetest"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/image/store"
)

func TestOpenTouchesNothing(t *testing.T) {
	root := t.TempDir()
	s := store.Open(root, archive.Busybox)
	if _, err := s.Get(it.Ref("nothing")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Get of an empty store = %v", err)
	}
	if images, err := s.List(); err != nil || len(images) != 0 {
		t.Errorf("List of an empty store = %v, %v", images, err)
	}
	if got := it.FilesIn(t, root); len(got) != 0 {
		t.Errorf("looking made %q", got)
	}
}

func TestGetFinds(t *testing.T) {
	s := it.Open(t)
	img := it.ImportImage(t, s, "team/app:1", "a")
	hex := img.ID.Hex
	for _, ref := range []string{"team/app:1", "docker.io/team/app:1", hex, "sha256:" + hex, hex[:12], hex[:4], "sha256:" + hex[:8], img.Digest.String()} {
		got, err := s.Get(it.Ref(ref))
		if err != nil || got.ID != img.ID {
			t.Errorf("Get(%q) = %v, %v", ref, got, err)
		}
	}
	for _, ref := range []string{"team/app", "team/app:2", "app:1", "sha256:" + strings.Repeat("0", 64), "quay.io/team/app:1"} {
		if _, err := s.Get(it.Ref(ref)); !errors.Is(err, image.ErrNotFound) {
			t.Errorf("Get(%q) = %v, want image.ErrNotFound", ref, err)
		}
	}
	for _, ref := range []string{"", "Team/app", "team app", "team/app:"} {
		if _, err := image.ParseRef(ref); !errors.Is(err, image.ErrBadReference) {
			t.Errorf("ParseRef(%q) = %v, want image.ErrBadReference", ref, err)
		}
	}
}

func TestNamesGoBeforeIDs(t *testing.T) {
	s := it.Open(t)
	first := it.ImportImage(t, s, "first", "a")
	second := it.ImportImage(t, s, first.ID.Hex[:8], "b")
	if got, err := s.Get(it.Ref(first.ID.Hex[:8])); err != nil || got.ID != second.ID {
		t.Errorf("a name that looks like an ID leads to %v, %v", got, err)
	}
}

func TestAmbiguousID(t *testing.T) {
	s := it.Open(t)
	seen := map[byte]bool{}
	for i := range 17 { // of 17 IDs two begin alike
		img := it.ImportImage(t, s, "", strings.Repeat("x", i))
		first := img.ID.Hex[0]
		if _, err := s.Get(it.Ref(string(first))); seen[first] != (err != nil) {
			t.Errorf("Get(%c) = %v, seen before: %v", first, err, seen[first])
		}
		seen[first] = true
	}
}

func TestANameHasOneImage(t *testing.T) {
	s := it.Open(t)
	old := it.ImportImage(t, s, "app", "old")
	now := it.ImportImage(t, s, "app", "new")
	if got, err := s.Get(it.Ref("app")); err != nil || got.ID != now.ID {
		t.Errorf("app is %v, %v", got, err)
	}
	got, err := s.Get(it.Ref(old.ID.String()))
	if err != nil || len(got.Names) != 0 {
		t.Errorf("the old image has the names %v, %v; want none", got, err)
	}
	if images, _ := s.List(); len(images) != 2 {
		t.Errorf("%d images, want 2", len(images))
	}
}

func indexOf(s *store.Store) string {
	return filepath.Join(filepath.Dir(s.Blobs.IngestDir()), "index.json")
}

func called(name string) map[string]string { return map[string]string{store.AnnotationName: name} }

func with(d v1.Descriptor, name string) v1.Descriptor {
	d.Annotations = called(name)
	return d
}

// Other tools write into the layout what they call an image.
func TestNamesOfOtherTools(t *testing.T) {
	s := it.Open(t)
	old, now := it.ImportImage(t, s, "app", "old"), it.ImportImage(t, s, "b:1", "new")
	var idx v1.IndexManifest
	if err := jsonfile.Read(indexOf(s), &idx); err != nil {
		t.Fatal(err)
	}
	for i, d := range idx.Manifests {
		if d.Digest == now.Digest {
			idx.Manifests[i].Annotations = called("app")
			idx.Manifests = append(idx.Manifests, with(d, "1.36"), with(d, "No Name"))
		}
	}
	if err := jsonfile.Write(indexOf(s), idx, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(it.Ref("app")); err != nil || got.ID != now.ID || !slices.Equal(it.Strings(got.Names), []string{"app:latest"}) {
		t.Errorf("app is %+v, %v", got, err)
	}
	if got, err := s.Get(it.Ref(old.ID.String())); err != nil || len(got.Names) != 0 {
		t.Errorf("the old image is %+v, %v; want it without a name", got, err)
	}
	if _, err := s.Remove(it.Ref("app"), false, nil); err != nil {
		t.Error(err)
	}
	if images, err := s.List(); err != nil || len(images) != 1 || images[0].ID != old.ID {
		t.Errorf("what is left is %v, %v", images, err)
	}
}

func TestTag(t *testing.T) {
	s := it.Open(t)
	a, b := it.ImportImage(t, s, "a", "a"), it.ImportImage(t, s, "b", "b")
	for range 2 {
		if err := s.Tag(it.Ref("a"), it.Ref("b")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Tag(it.Ref(a.ID.Hex[:12]), it.Ref("c:2")); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(it.Ref("b"))
	if err != nil || !slices.Equal(it.Strings(got.Names), []string{"a:latest", "b:latest", "c:2"}) || got.ID != a.ID {
		t.Errorf("b is %+v, %v", got, err)
	}
	if got, err := s.Get(it.Ref(b.ID.String())); err != nil || len(got.Names) != 0 {
		t.Errorf("the image that was b is %+v, %v", got, err)
	}
	if err := s.Tag(it.Ref("nothing"), it.Ref("x")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Tag of nothing = %v", err)
	}
	for _, name := range []string{"X", "x@" + it.DigestA, "x:"} {
		if _, err := image.ParseTag(name); !errors.Is(err, image.ErrBadReference) {
			t.Errorf("ParseTag(%q) = %v, want image.ErrBadReference", name, err)
		}
	}
}

// Names that can't be the beginning of an ID: a removed one must not mean another image.
func TestRemove(t *testing.T) {
	s := it.Open(t)
	img := it.ImportImage(t, s, "first", "a")
	kept := it.ImportImage(t, s, "kept", "b")
	if err := s.Tag(it.Ref("first"), it.Ref("second")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(it.Ref(img.ID.String()), false, nil); err == nil || !strings.Contains(err.Error(), "several repositories") {
		t.Errorf("Remove by ID with names in two repositories = %v", err)
	}
	done, err := s.Remove(it.Ref("first"), false, nil)
	if err != nil || !slices.Equal(it.Strings(done.Untagged), []string{"first:latest"}) || len(done.Deleted) != 0 {
		t.Errorf("Remove of one of two names = %+v, %v", done, err)
	}
	done, err = s.Remove(it.Ref("second"), false, nil)
	if err != nil || !slices.Equal(done.Deleted, []v1.Hash{img.ID}) {
		t.Errorf("Remove of the last name = %+v, %v", done, err)
	}
	if got := it.Blobs(t, s); got != 3 {
		t.Errorf("%d blobs are left, want the other image's 3", got)
	}
	it.Whole(t, s, kept.ID.String())
	if _, err := s.Remove(it.Ref("second"), false, nil); !errors.Is(err, image.ErrNotFound) {
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
		{"stopped", false, false, false, image.ErrInUse},
		{"stopped by force", false, true, false, nil},
		{"running", true, false, false, image.ErrInUse},
		{"running by ID and force", true, true, true, image.ErrInUse},
		{"running by name and force", true, true, false, nil}, // loses its name only
	}
	for _, tt := range tests {
		s := it.Open(t)
		img := it.ImportImage(t, s, "a", "a")
		ref := "a"
		if tt.byID {
			ref = img.ID.Hex
		}
		_, err := s.Remove(it.Ref(ref), tt.force, []store.Use{{Image: img.ID, Container: "c1", Running: tt.running}})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Remove = %v, want %v", tt.name, err, tt.want)
		}
		_, err = s.Get(it.Ref(img.ID.Hex))
		if gone := errors.Is(err, image.ErrNotFound); gone != (tt.want == nil && !tt.running) {
			t.Errorf("%s: the image is gone: %v (%v)", tt.name, gone, err)
		}
	}
}

// Layers that two images share stay as long as one of them does.
func TestSharedLayersStay(t *testing.T) {
	s := it.Open(t)
	base := it.MakeImage(t, 1000, 1)
	reg := it.NewRegistry(t)
	small := reg.Push(t, "small", base)
	big := reg.Push(t, "big", it.AppendLayer(t, base, it.TarOf(t, "more", []byte("more"))))
	for _, ref := range []string{small, big} {
		if _, err := registry.Pull(t.Context(), s, it.Ref(ref), registry.PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Remove(it.Ref(small), false, nil); err != nil {
		t.Fatal(err)
	}
	it.Whole(t, s, big)
	if _, err := s.Remove(it.Ref(big), false, nil); err != nil {
		t.Fatal(err)
	}
	if got := it.Blobs(t, s); got != 0 {
		t.Errorf("%d blobs are left of no image", got)
	}
}

func TestPrune(t *testing.T) {
	s := it.Open(t)
	it.ImportImage(t, s, "app", "old")
	it.ImportImage(t, s, "app", "new")
	used := it.ImportImage(t, s, "", "used")
	if err := os.WriteFile(s.Blobs.IngestDir()+"/sha256-half", make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	done, freed, err := s.Prune(false, []store.Use{{Image: used.ID}}, nil)
	if err != nil || len(done.Deleted) != 1 || freed < 1000 {
		t.Errorf("Prune = %+v, %d, %v; want the old app gone, and the half download", done, freed, err)
	}
	if got := it.FilesIn(t, s.Blobs.IngestDir()); len(got) != 0 {
		t.Errorf("half-made files are left: %q", got)
	}
	done, _, err = s.Prune(true, nil, func(img *image.Image) bool { return slices.Contains(it.Strings(img.Names), "app:latest") })
	if err != nil || !slices.Equal(done.Deleted, []v1.Hash{used.ID}) {
		t.Errorf("Prune of all but app = %+v, %v", done, err)
	}
	it.Whole(t, s, "app")
}

// While someone holds the store, nothing is collected; afterwards it is.
func TestHoldKeepsBlobs(t *testing.T) {
	s := it.Open(t)
	it.ImportImage(t, s, "a", "a")
	release, err := s.Hold()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(it.Ref("a"), false, nil); err != nil {
		t.Fatal(err)
	}
	if got := it.Blobs(t, s); got != 3 {
		t.Errorf("%d blobs are left under a hold, want 3", got)
	}
	release()
	failed := errors.New("nothing came of it")
	if s.Discard(&failed); it.Blobs(t, s) != 0 {
		t.Errorf("%d blobs are left after it", it.Blobs(t, s))
	}
}

func TestCheckAndRepair(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	pulled := reg.Push(t, "app", it.MakeImage(t, 1000, 2))
	img, err := registry.Pull(t.Context(), s, it.Ref(pulled), registry.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lost := it.ImportImage(t, s, "lost", "x")
	it.Whole(t, s, "lost")
	hurt := []v1.Hash{img.Manifest.Layers[0].Digest, lost.Manifest.Layers[0].Digest, img.Digest}
	for i, h := range hurt {
		if err := os.WriteFile(s.Blobs.Path(h), bytes.Repeat([]byte{'x'}, 7*(i+1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(s.Blobs.Path(img.Manifest.Layers[1].Digest)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(it.Ref(pulled)); !errors.Is(err, image.ErrCorrupt) {
		t.Errorf("Get of a damaged image = %v, want image.ErrCorrupt", err)
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
		if _, err := registry.Repair(t.Context(), s, damage, true, registry.PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	it.Whole(t, s, pulled)
	if _, err := s.Get(it.Ref("lost")); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("Get of what could not be repaired = %v, want it gone", err)
	}
}

// What was pulled for another platform is fetched for that again.
func TestRepairOfAnotherPlatform(t *testing.T) {
	reg, s := it.NewRegistry(t), it.Open(t)
	full := reg.Host + "/multi:1"
	it.PushIndex(t, full, map[string]v1.Image{"linux/s390x": it.MakeImage(t, 1000, 1)})
	img, err := registry.Pull(t.Context(), s, it.Ref(full), registry.PullOptions{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Blobs.Path(img.Manifest.Layers[0].Digest)); err != nil {
		t.Fatal(err)
	}
	damage, err := s.Check(t.Context())
	if err != nil || len(damage) != 1 {
		t.Fatalf("Check = %v, %v; want the layer", damage, err)
	}
	if _, err := registry.Repair(t.Context(), s, damage, false, registry.PullOptions{}); err != nil {
		t.Error(err)
	}
	it.Whole(t, s, full)
}

func TestCorruptIndexIsNamed(t *testing.T) {
	s := it.Open(t)
	it.ImportImage(t, s, "a", "a")
	if err := os.WriteFile(indexOf(s), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(it.Ref("a")); err == nil || !strings.Contains(err.Error(), "index.json") {
		t.Errorf("Get = %v, want the file named", err)
	}
	if err := s.Tag(it.Ref("a"), it.Ref("b")); err == nil {
		t.Error("a damaged index was overwritten")
	}
}

// What a command was writing when it was killed goes with the next that writes.
func TestTidyAfterAKilledWrite(t *testing.T) {
	s := it.Open(t)
	it.ImportImage(t, s, "a", "a")
	left := filepath.Join(filepath.Dir(s.Blobs.IngestDir()), ".tmp-123")
	if err := os.WriteFile(left, []byte(`{"schemaVersion":2`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(it.Ref("a"), it.Ref("b")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half-written file is still there: %v", err)
	}
}

func TestLayoutNames(t *testing.T) {
	tests := []struct {
		annotations map[string]string
		want        string
	}{
		{nil, ""},
		{map[string]string{store.AnnotationName: "busybox"}, "docker.io/library/busybox:latest"},
		{map[string]string{store.AnnotationName: "quay.io/a/b:1"}, "quay.io/a/b:1"},
		{map[string]string{store.AnnotationName: "latest"}, ""},
		{map[string]string{store.AnnotationName: "1.36"}, ""},
		{map[string]string{store.AnnotationName: "v2"}, ""},
		{map[string]string{store.AnnotationName: "1.36", "io.containerd.image.name": "docker.io/library/busybox:1.36"}, "docker.io/library/busybox:1.36"},
		{map[string]string{store.AnnotationName: "No Name"}, ""},
		{map[string]string{store.AnnotationName: "10.0.0.1:5000/app:1"}, "10.0.0.1:5000/app:1"},
		{map[string]string{store.AnnotationName: "v2ray/core"}, "docker.io/v2ray/core:latest"},
		{map[string]string{store.AnnotationName: "3proxy:1"}, "docker.io/library/3proxy:1"},
	}
	for _, tt := range tests {
		if got := store.NameOf(v1.Descriptor{Annotations: tt.annotations}).Canonical(); got != tt.want {
			t.Errorf("layoutName(%v) = %q, want %q", tt.annotations, got, tt.want)
		}
	}
}
