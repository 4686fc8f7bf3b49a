// Package store keeps images: an OCI image layout on disk, which other tools can
// read, with locks and atomic writes around it.
package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// Store is the directory of images. Any number of processes may use it at once.
type Store struct {
	// Blobs are what images are made of.
	Blobs *Blobs
	index indexFile
	use   useLock
	adopt Adopt
}

// Adopt puts the image that is built into the program into the store.
type Adopt func(context.Context, *Store) (*image.Image, error)

// Open returns the store under root, which need not exist: it is made on first
// use. Open itself touches nothing. Where an image is built in, adopt brings it.
func Open(root string, adopt Adopt) *Store {
	dir := filepath.Join(root, "images")
	return &Store{Blobs: &Blobs{dir: dir}, index: indexFile{dir}, use: useLock{dir}, adopt: adopt}
}

// Get finds an image without the network, by name, digest, ID or a prefix of
// the ID. The busybox that is built in is found too, and enters the store. An
// unknown one is image.ErrNotFound.
func (s *Store) Get(ref image.Ref) (*image.Image, error) {
	img, err := s.Find(ref)
	if errors.Is(err, image.ErrNotFound) && image.IsEmbedded(ref) && s.adopt != nil {
		if image.Embedded == nil {
			return nil, image.NotBuiltIn{Err: err}
		}
		return s.Adopt(context.Background())
	}
	return img, err
}

// Adopt brings the image that is built in, which must be one, into the store.
func (s *Store) Adopt(ctx context.Context) (*image.Image, error) { return s.adopt(ctx, s) }

// Find is Get for what is in the store already.
func (s *Store) Find(ref image.Ref) (*image.Image, error) {
	idx, err := s.index.read()
	if err != nil {
		return nil, err
	}
	desc, err := s.find(idx, ref)
	if err != nil {
		return nil, err
	}
	return s.image(idx, desc)
}

// find resolves ref as Docker does: a full ID is an ID, then names go before
// prefixes of IDs.
func (s *Store) find(idx *v1.IndexManifest, ref image.Ref) (v1.Descriptor, error) {
	if ref.IsName() {
		if desc := findName(idx, ref); desc != nil {
			return *desc, nil
		}
	}
	if ref.ID() != "" {
		return s.findID(idx, ref)
	}
	return v1.Descriptor{}, fmt.Errorf("%w: %s", image.ErrNotFound, ref)
}

// findName looks for the image with the name, or with the digest in the
// repository; nil if there is none.
func findName(idx *v1.IndexManifest, ref image.Ref) *v1.Descriptor {
	want := ref.Canonical()
	var source *v1.Descriptor
	for _, d := range idx.Manifests {
		switch {
		case ref.Tag() != "" && d.Annotations[AnnotationName] == want,
			ref.Digest() != "" && d.Digest.String() == ref.Digest() && isOf(d, ref.Repository()):
			return &d
		case ref.Digest() != "" && d.Annotations[annotationSource] == want:
			// Of one multi-platform index there may be several: this machine's is meant.
			if source == nil || d.Platform != nil && image.RunsOn(*d.Platform, image.MachinePlatform()) {
				source = &d
			}
		}
	}
	return source
}

// findID looks for the one image whose ID begins with the digits, or whose
// manifest has them for its digest.
func (s *Store) findID(idx *v1.IndexManifest, ref image.Ref) (v1.Descriptor, error) {
	var found *v1.Descriptor
	for _, d := range idx.Manifests {
		if d.Digest.Hex != ref.ID() {
			m, err := s.Blobs.Manifest(d.Digest)
			if err != nil || !hasPrefix(m.Config.Digest, ref.ID()) {
				continue // a damaged one is no reason to hide the others
			}
		}
		if found != nil && found.Digest != d.Digest {
			return d, fmt.Errorf("image ID %s is ambiguous: give more of it", ref)
		}
		found = &d
	}
	if found == nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %s", image.ErrNotFound, ref)
	}
	return *found, nil
}

// image loads the image that desc leads to, with all its names.
func (s *Store) image(idx *v1.IndexManifest, desc v1.Descriptor) (*image.Image, error) {
	manifest, err := s.Blobs.Manifest(desc.Digest)
	if err != nil {
		return nil, err
	}
	config, err := s.Blobs.Config(manifest.Config.Digest)
	if err != nil {
		return nil, err
	}
	img := &image.Image{
		ID: manifest.Config.Digest, Digest: desc.Digest, ManifestSize: desc.Size,
		Config: config, Manifest: manifest, Open: s.Blobs.Open,
	}
	for _, d := range idx.Manifests {
		if d.Digest != desc.Digest {
			continue
		}
		if ref, ok := nameOf(d); ok {
			img.Names = append(img.Names, ref)
		}
		if ref, ok := sourceOf(d); ok {
			img.RepoDigests = append(img.RepoDigests, ref)
		}
	}
	slices.SortFunc(img.Names, byName)
	slices.SortFunc(img.RepoDigests, byName)
	img.RepoDigests = slices.Compact(img.RepoDigests)
	return img, nil
}

// Begin makes the store, removes what the killed left in it, and holds it.
func (s *Store) Begin() (release func(), err error) {
	if err := s.index.init(); err != nil {
		return nil, err
	}
	_ = s.tidy() // what can't go now is in nobody's way
	return s.Hold()
}

// Discard removes what was brought for an image that did not come about, unless
// someone holds the store. It is for a defer, and does nothing without an error.
func (s *Store) Discard(err *error) {
	if *err != nil {
		_ = s.collect() // the first error says more
	}
}
