package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
)

// collect removes the blobs that no image reaches. It does nothing while someone
// holds the store: blobs without an image may be on their way into one. What
// stays then is found by the next collection.
func (s *Store) collect() error {
	_, err := s.sweep(false)
	return err
}

// sweep is collect, with the scratch files of the killed; with all it removes
// half-made downloads too that nobody works on. It returns the bytes freed.
func (s *Store) sweep(all bool) (freed int64, err error) {
	release, err := s.Exclude()
	if errors.Is(err, image.ErrBusy) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer release()
	idx, err := s.index.read()
	if err != nil {
		return 0, err
	}
	reached, err := s.Blobs.reach(idx)
	if err != nil {
		return 0, fmt.Errorf("collect blobs: %w", err)
	}
	blobs := filepath.Join(s.Blobs.dir, "blobs", "sha256")
	freed, err = removeFiles(blobs, func(name string) bool { return !reached[name] })
	if err == nil {
		var more int64
		more, err = removeFiles(s.Blobs.IngestDir(), func(name string) bool { return all || scratch(name) })
		freed += more
	}
	return freed, err
}

// scratch tells a file of one command, of no use to the next, from a half-made
// download.
func scratch(name string) bool { return strings.HasPrefix(name, ".") }

// tidy removes the scratch files of commands that were killed. It waits for
// nobody: while someone holds the store, they may be theirs.
func (s *Store) tidy() error {
	entries, err := os.ReadDir(s.Blobs.IngestDir())
	if err != nil || !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return scratch(e.Name()) }) {
		return err
	}
	release, err := s.Exclude()
	if errors.Is(err, image.ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	_, err = removeFiles(s.Blobs.IngestDir(), scratch)
	return err
}

// reach returns the hexadecimal digests of all blobs that the images need. A
// manifest that can't be read stops the collection: nobody knows what it needs.
func (b *Blobs) reach(idx *v1.IndexManifest) (map[string]bool, error) {
	reached := map[string]bool{}
	for _, desc := range idx.Manifests {
		if err := b.reachManifest(desc, reached, 0); err != nil {
			return nil, fmt.Errorf("image %s: %w", label(desc), err)
		}
	}
	return reached, nil
}

func (b *Blobs) reachManifest(desc v1.Descriptor, reached map[string]bool, depth int) error {
	reached[desc.Digest.Hex] = true
	if !desc.MediaType.IsIndex() {
		m, err := b.Manifest(desc.Digest)
		if err != nil {
			return err
		}
		for _, blob := range append(m.Layers, m.Config) {
			reached[blob.Digest.Hex] = true
		}
		return nil
	}
	// Other tools write whole indexes into the layout, often without all of
	// their images.
	data, err := b.Read(desc.Digest)
	if err != nil || depth > 3 {
		return fmt.Errorf("read index %s: %w", desc.Digest, err)
	}
	var children v1.IndexManifest
	if err := json.Unmarshal(data, &children); err != nil {
		return fmt.Errorf("read index %s: %w", desc.Digest, err)
	}
	for _, child := range children.Manifests {
		if !b.Has(child.Digest, 0) {
			continue
		}
		if err := b.reachManifest(child, reached, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func removeFiles(dir string, match func(name string) bool) (freed int64, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if !match(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() {
			freed += fi.Size()
		}
		if err := os.RemoveAll(path); err != nil {
			return freed, err
		}
	}
	return freed, nil
}

// Prune removes the images without a name, or with all every image, that no
// container uses and that keep does not want, and then what nothing needs. It
// returns the bytes freed in the store.
func (s *Store) Prune(all bool, uses []Use, keep func(*image.Image) bool) (Removed, int64, error) {
	var done Removed
	used := map[v1.Hash]bool{}
	for _, use := range uses {
		used[use.Image] = true
	}
	err := s.index.update(func(idx *v1.IndexManifest) error {
		done = Removed{}
		seen := map[v1.Hash]bool{}
		for _, desc := range slices.Clone(idx.Manifests) {
			if seen[desc.Digest] {
				continue
			}
			seen[desc.Digest] = true
			img, err := s.image(idx, desc)
			if err != nil || used[img.ID] || len(img.Names) > 0 && !all || keep != nil && keep(img) {
				continue
			}
			if err := s.remove(idx, desc, image.IDRef(img.ID), true, nil, &done); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Removed{}, 0, err
	}
	freed, err := s.sweep(true)
	return done, freed, err
}
