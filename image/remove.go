package image

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ErrInUse says that a container needs the image.
var ErrInUse = errors.New("image is in use")

// Use is a container that was made of an image.
type Use struct {
	Image     v1.Hash // the ID
	Container string  // what to call it in a message
	Running   bool
}

// Removed is what a removal did: names that lead nowhere now, and the images
// that are gone.
type Removed struct {
	Untagged []string
	Deleted  []v1.Hash
}

// Remove takes away the name, and the image with its last name; by ID, the image
// with its one name, or with all of them by force. An image that a container
// uses stays, unless the container is stopped and force is given. Blobs that
// nothing needs any more are removed, now or by the next Remove or Prune.
func (s *Store) Remove(ref string, force bool, uses []Use) (Removed, error) {
	var done Removed
	err := s.update(func(idx *v1.IndexManifest) error {
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
	if errors.Is(err, ErrCorrupt) {
		err = nil // another image's damage: the blobs wait for fsck
	}
	return done, err
}

func (s *Store) remove(idx *v1.IndexManifest, desc v1.Descriptor, ref string, force bool, uses []Use, done *Removed) error {
	img, err := s.image(idx, desc)
	if err != nil { // damaged: there is nothing to ask it
		img = &Image{Digest: desc.Digest}
		if name := desc.Annotations[annotationName]; name != "" {
			img.Names = []string{familiar(name)}
		}
	}
	if name := nameIn(img, ref); name != "" && len(img.Names) > 1 {
		dropNames(idx, img.Digest, func(n string) bool { return n == name })
		done.Untagged = append(done.Untagged, familiar(name))
		return nil
	} else if name == "" && len(repositories(img.Names)) > 1 && !force {
		return fmt.Errorf("remove image %s: conflict (must be forced): it has names in several repositories (%s): remove them by name, or use --force", ref, strings.Join(img.Names, ", "))
	}
	err = checkUse(img, ref, force, uses)
	if err != nil && force && nameIn(img, ref) != "" {
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

func repositories(names []string) map[string]bool {
	repos := map[string]bool{}
	for _, name := range names {
		repos[name[:strings.LastIndexByte(name, ':')]] = true
	}
	return repos
}

func checkUse(img *Image, ref string, force bool, uses []Use) error {
	for _, use := range uses {
		switch {
		case use.Image != img.ID || img.Config == nil:
		case use.Running:
			return fmt.Errorf("remove image %s: conflict (cannot be forced): %w: running container %s is using it: stop and remove that first", ref, ErrInUse, use.Container)
		case !force:
			return fmt.Errorf("remove image %s: conflict (must be forced): %w: stopped container %s is using it: remove that first, or use --force", ref, ErrInUse, use.Container)
		}
	}
	return nil
}

// dropNames removes the image's descriptors whose name matches.
func dropNames(idx *v1.IndexManifest, image v1.Hash, match func(name string) bool) {
	idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d v1.Descriptor) bool {
		return d.Digest == image && match(d.Annotations[annotationName])
	})
}
