package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// loadLayout puts every image of an OCI image layout into the store, with its
// name. All of an image's blobs are here before its name is.
func (s *Store) loadLayout(ctx context.Context, layout fs.FS) error {
	data, err := readSmall(layout, "index.json")
	if err != nil {
		return err
	}
	var idx v1.IndexManifest
	if err := json.Unmarshal(data, &idx); err != nil {
		return fmt.Errorf("read index.json: %w", err)
	}
	release, err := s.Hold()
	if err != nil {
		return err
	}
	defer release()
	for _, desc := range idx.Manifests {
		if err := s.loadManifest(ctx, layout, desc); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) loadManifest(ctx context.Context, layout fs.FS, desc v1.Descriptor) error {
	data, err := readSmall(layout, blobName(desc.Digest))
	if err != nil {
		return err
	}
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read manifest %s: %w", desc.Digest, err)
	}
	for _, blob := range append(m.Layers, m.Config) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.copyBlob(layout, blob); err != nil {
			return err
		}
	}
	stored, err := s.putBytes(data, desc.MediaType)
	if err != nil {
		return err
	}
	if stored.Digest != desc.Digest {
		return fmt.Errorf("manifest %s: %w: got %s", desc.Digest, ErrDigest, stored.Digest)
	}
	name := desc.Annotations[annotationName]
	stored.Platform = desc.Platform
	return s.update(func(idx *v1.IndexManifest) error {
		setName(idx, name, stored)
		return nil
	})
}

func (s *Store) copyBlob(layout fs.FS, desc v1.Descriptor) error {
	if s.has(desc.Digest, desc.Size) {
		return nil
	}
	f, err := layout.Open(blobName(desc.Digest))
	if err != nil {
		return err
	}
	defer f.Close()
	return s.put(io.LimitReader(f, desc.Size+1), desc.Digest)
}

func blobName(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// readSmall reads a metadata file of a layout or archive that others wrote.
func readSmall(from fs.FS, name string) ([]byte, error) {
	f, err := from.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMetadata+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxMetadata {
		return nil, errors.New(name + " is bigger than any manifest may be")
	}
	return data, nil
}
