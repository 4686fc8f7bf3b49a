package store

import (
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// Use is a container that was made of an image.
type Use struct {
	Image     v1.Hash // the ID
	Container string  // what to call it in a message
	Running   bool
}

// Removed is what a removal did: names that lead nowhere now, and the images
// that are gone.
type Removed struct {
	Untagged []image.Ref
	Deleted  []v1.Hash
}

// Remove takes away the name, and the image with its last name; by ID, the image
// with its one name, or with all of them by force. An image that a container
// uses stays, unless the container is stopped and force is given. Blobs that
// nothing needs any more are removed, now or by the next Remove or Prune.
func (s *Store) Remove(ref image.Ref, force bool, uses []Use) (Removed, error) {
	var done Removed
	err := s.index.update(func(idx *v1.IndexManifest) error {
		done = Removed{}
		desc, err := s.find(idx, ref)
		if err != nil {
			return err
		}
		return s.remove(idx, desc, ref, force, uses, &done)
	})
	if err != nil {
		return Removed{}, err
	}
	err = s.collect()
	if errors.Is(err, image.ErrCorrupt) {
		err = nil // another image's damage: the blobs wait for fsck
	}
	return done, err
}

func (s *Store) remove(idx *v1.IndexManifest, desc v1.Descriptor, ref image.Ref, force bool, uses []Use, done *Removed) error {
	img, err := s.image(idx, desc)
	if err != nil { // damaged: there is nothing to ask it
		img = &image.Image{Digest: desc.Digest}
		if name, ok := nameOf(desc); ok {
			img.Names = []image.Ref{name}
		}
	}
	if img.Called(ref) && len(img.Names) > 1 {
		dropName(idx, img.Digest, ref)
		done.Untagged = append(done.Untagged, ref)
		return nil
	} else if !img.Called(ref) && severalRepositories(img.Names) && !force {
		return image.SeveralNames{Ref: ref.String(), Names: img.Names}
	}
	err = checkUse(img, ref, force, uses)
	if err != nil && force && img.Called(ref) {
		// By name and force, as Docker has it: the name goes, the image stays as
		// long as the container.
		for i, d := range idx.Manifests {
			if d.Digest == img.Digest {
				idx.Manifests[i] = unnamed(d)
			}
		}
		idx.Manifests = dropSpareUnnamed(idx.Manifests)
		done.Untagged = append(done.Untagged, img.Names...)
		return nil
	}
	if err != nil {
		return err
	}
	done.Untagged = append(append(done.Untagged, img.Names...), img.RepoDigests...)
	if img.Config != nil {
		done.Deleted = append(done.Deleted, img.ID)
	} else {
		done.Deleted = append(done.Deleted, img.Digest)
	}
	idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d v1.Descriptor) bool { return d.Digest == img.Digest })
	return nil
}

func severalRepositories(names []image.Ref) bool {
	return slices.ContainsFunc(names, func(n image.Ref) bool { return n.Repository() != names[0].Repository() })
}

func checkUse(img *image.Image, ref image.Ref, force bool, uses []Use) error {
	for _, use := range uses {
		if img.Config != nil && use.Image == img.ID && (use.Running || !force) {
			return image.InUse{Ref: ref.String(), Container: use.Container, Running: use.Running}
		}
	}
	return nil
}

// dropName removes the image's descriptors with the name.
func dropName(idx *v1.IndexManifest, manifest v1.Hash, name image.Ref) {
	idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d v1.Descriptor) bool {
		return d.Digest == manifest && d.Annotations[AnnotationName] == name.Canonical()
	})
}

// Forget removes all names of the manifest.
func (s *Store) Forget(manifest v1.Hash) error {
	return s.index.update(func(idx *v1.IndexManifest) error {
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d v1.Descriptor) bool { return d.Digest == manifest })
		return nil
	})
}

// RecordSource remembers that the image of the name can be had from the name's
// repository. What is known already stays.
func (s *Store) RecordSource(img *image.Image, name image.Ref) error {
	return s.index.update(func(idx *v1.IndexManifest) error {
		full := name.Canonical()
		source := map[string]string{annotationSource: name.WithDigest(img.Digest.String()).Canonical()}
		for i, d := range idx.Manifests {
			if d.Digest == img.Digest && d.Annotations[AnnotationName] == full && d.Annotations[annotationSource] == "" {
				idx.Manifests[i] = named(d, full, v1.Descriptor{Annotations: source})
			}
		}
		return nil
	})
}
