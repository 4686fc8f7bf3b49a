package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Annotations of the index's descriptors.
const (
	// annotationName holds the canonical name (OCI image-spec, annotations.md).
	annotationName = "org.opencontainers.image.ref.name"
	// annotationSource holds name@digest as it was pulled; the digest is the
	// multi-platform index's, where there was one.
	annotationSource = "io.github.mvrun.source"
)

func (s *Store) indexPath() string { return filepath.Join(s.dir, "index.json") }

// index reads the list of images. A store that is not there yet is empty.
func (s *Store) index() (*v1.IndexManifest, error) {
	var idx v1.IndexManifest
	err := jsonfile.Read(s.indexPath(), &idx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read image index: %w", err)
	}
	adoptNames(&idx)
	return &idx, nil
}

// adoptNames makes canonical what other tools wrote into the layout: skopeo calls
// an image what it was told to. Such a one takes the name from the image that has
// it, since it came later.
func adoptNames(idx *v1.IndexManifest) {
	for i, d := range idx.Manifests {
		name := d.Annotations[annotationName]
		full := layoutName(d)
		if name == full {
			continue
		}
		for j, other := range idx.Manifests {
			if full != "" && other.Annotations[annotationName] == full {
				idx.Manifests[j] = unnamed(other)
			}
		}
		idx.Manifests[i] = named(d, full, v1.Descriptor{})
	}
}

// update changes the list of images under its lock. The change is there wholly
// or not at all.
func (s *Store) update(change func(*v1.IndexManifest) error) error {
	if err := s.init(); err != nil {
		return err
	}
	unlock, err := s.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	idx, err := s.index()
	if err != nil {
		return err
	}
	if err := change(idx); err != nil {
		return err
	}
	idx.SchemaVersion, idx.MediaType = 2, types.OCIImageIndex
	if idx.Manifests == nil {
		idx.Manifests = []v1.Descriptor{}
	}
	return jsonfile.Write(s.indexPath(), idx, 0o644)
}

// init makes the layout's directories. It is idempotent.
func (s *Store) init() error {
	for _, dir := range []string{filepath.Join(s.dir, "blobs", "sha256"), s.ingestDir()} {
		// Images can hold secrets: root alone reads them.
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make image store: %w", err)
		}
	}
	layout := filepath.Join(s.dir, "oci-layout")
	if _, err := os.Stat(layout); err == nil {
		return nil
	}
	unlock, err := s.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	version, err := json.Marshal(map[string]string{"imageLayoutVersion": "1.0.0"})
	if err != nil {
		return err
	}
	return jsonfile.WriteBytes(layout, version, 0o644)
}

// setName gives the image of desc the name (canonical; "" for none). A name has
// one image: the one that had it loses it, and stays without a name if that was
// its last.
func setName(idx *v1.IndexManifest, name string, desc v1.Descriptor) {
	var kept []v1.Descriptor
	known := false
	for _, d := range idx.Manifests {
		same := d.Digest == desc.Digest
		if name != "" && d.Annotations[annotationName] == name && !same {
			d = unnamed(d)
		}
		if same && (d.Annotations[annotationName] == name || d.Annotations[annotationName] == "") {
			if known {
				continue
			}
			d, known = named(d, name, desc), true
		}
		kept = append(kept, d)
	}
	if !known {
		kept = append(kept, named(desc, name, desc))
	}
	idx.Manifests = dropSpareUnnamed(kept)
}

// named is d with the name and with what desc adds.
func named(d v1.Descriptor, name string, desc v1.Descriptor) v1.Descriptor {
	annotations := map[string]string{}
	for _, from := range []map[string]string{d.Annotations, desc.Annotations} {
		for k, v := range from {
			annotations[k] = v
		}
	}
	delete(annotations, annotationName)
	if name != "" {
		annotations[annotationName] = name
	}
	d.Annotations = annotations
	if d.Platform == nil {
		d.Platform = desc.Platform
	}
	return d
}

func unnamed(d v1.Descriptor) v1.Descriptor { return named(d, "", v1.Descriptor{}) }

// dropSpareUnnamed removes the nameless descriptors that say nothing new: their
// image has a name, and where it came from is known of that or another one.
func dropSpareUnnamed(descs []v1.Descriptor) []v1.Descriptor {
	type fact struct {
		image  v1.Hash
		source string
	}
	known := map[fact]bool{}
	learn := func(d v1.Descriptor) {
		known[fact{d.Digest, ""}] = true
		known[fact{d.Digest, d.Annotations[annotationSource]}] = true
	}
	for _, d := range descs {
		if d.Annotations[annotationName] != "" {
			learn(d)
		}
	}
	var kept []v1.Descriptor
	for _, d := range descs {
		if d.Annotations[annotationName] == "" {
			if known[fact{d.Digest, d.Annotations[annotationSource]}] {
				continue
			}
			learn(d)
		}
		kept = append(kept, d)
	}
	return kept
}

// lockIndex takes the lock under which all files in the layout's own directory
// are written, so what is begun there and not in its place is of a writer that
// was killed: it goes.
func (s *Store) lockIndex() (unlock func(), err error) {
	unlock, err = jsonfile.Lock(filepath.Join(s.dir, "index.lock"))
	if err != nil {
		return nil, fmt.Errorf("lock image index: %w", err)
	}
	if _, err := removeFiles(s.dir, scratch); err != nil {
		unlock()
		return nil, fmt.Errorf("tidy image index: %w", err)
	}
	return unlock, nil
}
