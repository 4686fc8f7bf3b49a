// Package image keeps images: an OCI image layout on disk with locks and
// atomic writes around it, filled from registries, archives and the busybox
// that is built in.
package image

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/internal/tarlimit"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("no such image")
	ErrDigest   = errors.New("the content does not match its digest")
	ErrTooBig   = tarlimit.ErrTooBig
)

// Store is the directory of images. It is an OCI image layout that other tools
// can read.
type Store struct {
	dir   string
	dirty atomic.Bool // blobs were made that the disk may not have yet
	max   int64       // bytes of one file of an archive, unpacked; 0 is no limit
	// unpack is what an image's layers must go through before the image is there.
	unpack func(layers []v1.Layer) error
}

// LimitUnpacked makes Load and Import refuse archives with a layer of more than
// n bytes; 0 is no limit.
func (s *Store) LimitUnpacked(n int64) { s.max = n }

// UnpackWith makes Load and Import call unpack with the layers of each image, the
// lowest first, before it has a name: one whose layers can't be unpacked does not
// come in.
func (s *Store) UnpackWith(unpack func(layers []v1.Layer) error) { s.unpack = unpack }

// Open returns the store under root, which need not exist: it is made on first
// use. Open itself touches nothing.
func Open(root string) (*Store, error) {
	return &Store{dir: filepath.Join(root, "images")}, nil
}

// Get finds an image without the network, by name, digest, ID or a prefix of
// the ID. The busybox that is built in is found too, and enters the store. An
// unknown one is ErrNotFound.
func (s *Store) Get(ref string) (*Image, error) {
	img, err := s.lookup(ref)
	if errors.Is(err, ErrNotFound) && isEmbedded(ref) {
		return s.adoptEmbedded(err)
	}
	return img, err
}

// lookup is Get for what is in the store already.
func (s *Store) lookup(ref string) (*Image, error) {
	idx, err := s.index()
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
func (s *Store) find(idx *v1.IndexManifest, ref string) (v1.Descriptor, error) {
	digits, isHex := hexID(ref)
	if isHex && (len(digits) == 64 || strings.HasPrefix(ref, "sha256:")) {
		return s.findID(idx, ref, digits)
	}
	parsed, err := parseName(ref)
	if err != nil {
		return v1.Descriptor{}, err
	}
	want := canonical(parsed)
	_, digest, byDigest := strings.Cut(want, "@")
	var source *v1.Descriptor
	for _, d := range idx.Manifests {
		switch {
		case !byDigest && d.Annotations[annotationName] == want,
			byDigest && d.Digest.String() == digest && sameRepository(d, want):
			return d, nil
		case byDigest && d.Annotations[annotationSource] == want:
			// Of one multi-platform index there may be several: this machine's is meant.
			if source == nil || d.Platform != nil && runsOn(*d.Platform, machinePlatform()) {
				source = &d
			}
		}
	}
	if source != nil {
		return *source, nil
	}
	if isHex {
		return s.findID(idx, ref, digits)
	}
	return v1.Descriptor{}, fmt.Errorf("%w: %s", ErrNotFound, ref)
}

// sameRepository reports whether the descriptor's name, if any, is of the
// repository of name@digest.
func sameRepository(d v1.Descriptor, want string) bool {
	repo, _, _ := strings.Cut(want, "@")
	for _, key := range []string{annotationName, annotationSource} {
		if strings.HasPrefix(d.Annotations[key], repo+":") || strings.HasPrefix(d.Annotations[key], repo+"@") {
			return true
		}
	}
	return false
}

// findID looks for the one image whose ID begins with the digits, or whose
// manifest has them for its digest.
func (s *Store) findID(idx *v1.IndexManifest, ref, digits string) (v1.Descriptor, error) {
	var found *v1.Descriptor
	for _, d := range idx.Manifests {
		if d.Digest.Hex != digits {
			m, err := s.manifest(d.Digest)
			if err != nil || !strings.HasPrefix(m.Config.Digest.Hex, digits) {
				continue // a damaged one is no reason to hide the others
			}
		}
		if found != nil && found.Digest != d.Digest {
			return d, fmt.Errorf("image ID %s is ambiguous: give more of it", ref)
		}
		found = &d
	}
	if found == nil {
		return v1.Descriptor{}, fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	return *found, nil
}
