package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/internal/ctxio"
)

// Damage is one thing that is wrong with the store.
type Damage struct {
	Image  string  // what to call the image by
	Digest v1.Hash // of its manifest
	Blob   v1.Hash
	Err    error
	Name   image.Ref // zero for none
	Source image.Ref // where the image can be fetched from; zero if nowhere
	// Platform is what the image is for, nil if that is not known.
	Platform *v1.Platform
}

func (d Damage) String() string {
	return fmt.Sprintf("%s: blob %s: %v", d.Image, d.Blob, d.Err)
}

// Check reads every blob of every image and says what is missing or is not what
// its digest says. An index that can't be read is the error.
func (s *Store) Check(ctx context.Context) ([]Damage, error) {
	idx, err := s.index.read()
	if err != nil {
		return nil, err
	}
	var found []Damage
	checked := map[v1.Hash]error{}
	for _, desc := range idx.Manifests {
		damage := Damage{Image: label(desc), Digest: desc.Digest, Platform: desc.Platform}
		damage.Name, _ = nameOf(desc)
		damage.Source, _ = sourceOf(desc)
		for _, blob := range s.Blobs.of(desc) {
			if ctx.Err() != nil {
				return found, context.Cause(ctx)
			}
			problem, known := checked[blob.Digest]
			if !known {
				problem = s.Blobs.check(ctx, blob)
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

// of lists what the image needs, as far as its manifest can be read.
func (b *Blobs) of(desc v1.Descriptor) []v1.Descriptor {
	blobs := []v1.Descriptor{desc}
	data, err := b.Read(desc.Digest)
	if err != nil {
		return blobs
	}
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return blobs
	}
	return append(append(blobs, m.Config), m.Layers...)
}

func (b *Blobs) check(ctx context.Context, desc v1.Descriptor) error {
	f, err := os.Open(b.Path(desc.Digest))
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("is missing")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	got, size, err := v1.SHA256(ctxio.Reader(ctx, f))
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

// Drop removes a blob, so that it is fetched again. It is idempotent.
func (b *Blobs) Drop(h v1.Hash) error {
	if err := os.Remove(b.Path(h)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
