package store

import (
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// List returns the images, the newest first. Damaged ones are missing from it
// and named in the error, beside which the others are returned.
func (s *Store) List() ([]*image.Image, error) {
	idx, err := s.index.read()
	if err != nil {
		return nil, err
	}
	var images []*image.Image
	var damage []error
	seen := map[v1.Hash]bool{}
	for _, desc := range idx.Manifests {
		if seen[desc.Digest] || desc.MediaType.IsIndex() {
			continue
		}
		seen[desc.Digest] = true
		img, err := s.image(idx, desc)
		if err != nil {
			damage = append(damage, fmt.Errorf("image %s: %w", label(desc), err))
			continue
		}
		images = append(images, img)
	}
	slices.SortStableFunc(images, func(a, b *image.Image) int { return b.Config.Created.Compare(a.Config.Created.Time) })
	return images, errors.Join(damage...)
}

// Tag gives the image that ref names one more name, taking it from the image
// that has it. It is idempotent.
func (s *Store) Tag(ref, name image.Ref) error {
	release, err := s.Begin()
	if err != nil {
		return err
	}
	defer release()
	img, err := s.Get(ref)
	if err != nil {
		return err
	}
	return s.index.update(func(idx *v1.IndexManifest) error {
		for _, desc := range idx.Manifests {
			if desc.Digest == img.Digest {
				setName(idx, name.Canonical(), named(desc, "", v1.Descriptor{}))
				return nil
			}
		}
		return fmt.Errorf("%w: %s", image.ErrNotFound, ref)
	})
}

// DiffIDs returns the diff-ids of the layers of all images, in hexadecimal: what
// unpacked layers are worth keeping. A damaged image makes it an error.
func (s *Store) DiffIDs() (map[string]bool, error) {
	images, err := s.List()
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, img := range images {
		for _, id := range img.Config.RootFS.DiffIDs {
			ids[id.Hex] = true
		}
	}
	return ids, nil
}
