package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// source is where loaded images come from: a directory or a tarball that was
// taken apart. Names are those inside it.
type source interface {
	small(name string) ([]byte, error)
	blob(b *store.Blobs, name string, want v1.Hash) error
}

// tree is a source on a file system: a directory, or what is built in.
type tree struct{ fs.FS }

func (t tree) small(name string) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, image.MaxMetadata+1))
	if err != nil {
		return nil, err
	}
	if len(data) > image.MaxMetadata {
		return nil, image.TooMuch(name, int64(len(data)))
	}
	return data, nil
}

func (t tree) blob(b *store.Blobs, name string, want v1.Hash) error {
	if b.Has(want, 0) {
		return nil
	}
	f, err := t.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.Put(f, want)
}

func blobName(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// layout puts every image of an OCI image layout into the store, with its
// name. All of an image's blobs are here before its name is.
func (l loader) layout(ctx context.Context, from source) ([]Loaded, error) {
	data, err := from.small("index.json")
	if err != nil {
		return nil, err
	}
	var idx v1.IndexManifest
	if err := json.Unmarshal(data, &idx); err != nil {
		return nil, fmt.Errorf("read index.json: %w", err)
	}
	var loaded []Loaded
	for _, desc := range idx.Manifests {
		if err := ctx.Err(); err != nil {
			return loaded, context.Cause(ctx)
		}
		name := store.NameOf(desc)
		img, err := l.manifest(from, desc, name, 0)
		if err != nil {
			return loaded, err
		}
		loaded = append(loaded, Loaded{img, name})
	}
	return loaded, nil
}

func (l loader) manifest(from source, desc v1.Descriptor, name image.Ref, depth int) (*image.Image, error) {
	if desc.Digest.Algorithm != "sha256" || depth > 3 {
		return nil, fmt.Errorf("manifest %s can't be loaded: not sha256, or nested too deep", desc.Digest)
	}
	data, err := from.small(blobName(desc.Digest))
	if err != nil {
		return nil, err
	}
	if err := image.CheckDigest(data, desc.Digest); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", desc.Digest, err)
	}
	if desc.MediaType.IsIndex() {
		var idx v1.IndexManifest
		if err := json.Unmarshal(data, &idx); err != nil {
			return nil, fmt.Errorf("read index %s: %w", desc.Digest, err)
		}
		child, err := image.Choose(&idx, image.MachinePlatform())
		if err != nil {
			return nil, err
		}
		return l.manifest(from, child, name, depth+1)
	}
	m, err := image.ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", desc.Digest, err)
	}
	for _, blob := range append(m.Layers, m.Config) {
		if err := from.blob(l.store.Blobs, blobName(blob.Digest), blob.Digest); err != nil {
			return nil, err
		}
	}
	return l.store.Enter(store.Entry{Data: data, Manifest: m, Name: name, Unpack: l.opt.Unpack})
}
