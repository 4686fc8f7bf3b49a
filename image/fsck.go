package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Damage is one thing that is wrong with the store.
type Damage struct {
	Image  string  // what to call the image by
	Digest v1.Hash // of its manifest
	Blob   v1.Hash
	Err    error
	source string // where the image can be fetched from, canonical, or ""
	name   string // canonical, or ""
	// platform is what the image is for, nil if that is not known.
	platform *v1.Platform
}

func (d Damage) String() string {
	return fmt.Sprintf("%s: blob %s: %v", d.Image, d.Blob, d.Err)
}

// Check reads every blob of every image and says what is missing or is not what
// its digest says. An index that can't be read is the error.
func (s *Store) Check(ctx context.Context) ([]Damage, error) {
	idx, err := s.index()
	if err != nil {
		return nil, err
	}
	var found []Damage
	checked := map[v1.Hash]error{}
	for _, desc := range idx.Manifests {
		damage := Damage{
			Image: label(desc), Digest: desc.Digest, platform: desc.Platform,
			source: desc.Annotations[annotationSource], name: desc.Annotations[annotationName],
		}
		for _, blob := range s.blobsOf(desc) {
			if ctx.Err() != nil {
				return found, context.Cause(ctx)
			}
			problem, known := checked[blob.Digest]
			if !known {
				problem = s.checkBlob(ctx, blob)
				checked[blob.Digest] = problem
			}
			if problem != nil {
				damage.Blob, damage.Err = blob.Digest, problem
				found = append(found, damage)
			}
		}
	}
	return found, nil
}

// blobsOf lists what the image needs, as far as its manifest can be read.
func (s *Store) blobsOf(desc v1.Descriptor) []v1.Descriptor {
	blobs := []v1.Descriptor{desc}
	data, err := s.readBlob(desc.Digest)
	if err != nil {
		return blobs
	}
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return blobs
	}
	return append(append(blobs, m.Config), m.Layers...)
}

func (s *Store) checkBlob(ctx context.Context, desc v1.Descriptor) error {
	f, err := os.Open(s.blobPath(desc.Digest))
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("is missing")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	got, size, err := v1.SHA256(io.Reader(ctxReader{ctx, f}))
	switch {
	case err != nil:
		return err
	case desc.Size > 0 && size != desc.Size:
		return fmt.Errorf("has %d bytes instead of %d", size, desc.Size)
	case got != desc.Digest:
		return errors.New("has the wrong content")
	}
	return nil
}

// Repair removes the damaged blobs and fetches them again from where the images
// came; an image that can't be had any more is removed if remove is set. It
// returns what it did, a line each. Of an image whose manifest was damaged, only
// the next Check sees the rest.
func (s *Store) Repair(ctx context.Context, damage []Damage, remove bool, opt PullOptions) (done []string, err error) {
	for _, d := range damage {
		if err := os.Remove(s.blobPath(d.Blob)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return done, err
		}
	}
	var failed []error
	mended := map[v1.Hash]bool{}
	for _, d := range damage {
		if mended[d.Digest] {
			continue
		}
		mended[d.Digest] = true
		err := s.refetch(ctx, d, opt)
		switch {
		case err == nil:
			done = append(done, "fetched again: "+d.Image)
		case remove:
			if err := s.forget(d.Digest); err != nil {
				return done, err
			}
			done = append(done, fmt.Sprintf("removed: %s (%v)", d.Image, err))
		default:
			failed = append(failed, fmt.Errorf("repair %s: %w", d.Image, err))
		}
	}
	return done, errors.Join(failed...)
}

func (s *Store) refetch(ctx context.Context, d Damage, opt PullOptions) error {
	if d.name == embeddedName && embedded != nil {
		if data, err := (tree{embedded}).small("index.json"); err == nil && strings.Contains(string(data), d.Digest.Hex) {
			_, err := s.adoptEmbedded(nil)
			return err
		}
	}
	if d.source == "" {
		return errors.New("it was not pulled, so there is nowhere to fetch it from: load, import or commit it again")
	}
	repo, _, _ := strings.Cut(d.source, "@")
	opt.Platform = d.platform // not this machine's alone
	img, err := s.Pull(ctx, repo+"@"+d.Digest.String(), opt)
	if err == nil && img.Digest != d.Digest {
		err = fmt.Errorf("%s has another image now", repo)
	}
	return err
}

// forget removes all names of the manifest.
func (s *Store) forget(manifest v1.Hash) error {
	return s.update(func(idx *v1.IndexManifest) error {
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d v1.Descriptor) bool { return d.Digest == manifest })
		return nil
	})
}
