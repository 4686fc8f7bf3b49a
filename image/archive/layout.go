package archive

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

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// source is where loaded images come from: a directory or a tarball that was
// taken apart. Names are those inside it.
type source interface {
	small(name string) ([]byte, error)
	has(name string) bool
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

func (t tree) has(name string) bool {
	f, err := t.Open(name)
	if err != nil {
		return false
	}
	f.Close()
	return true
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
	var skipped []error
	for _, desc := range idx.Manifests {
		if err := ctx.Err(); err != nil {
			return loaded, context.Cause(ctx)
		}
		name := store.NameOf(desc)
		img, err := l.manifest(from, desc, name, 0)
		if l.skips(err) {
			err = fmt.Errorf("%s: %w", called(desc), err)
			skipped = append(skipped, err)
			continue
		}
		if err != nil {
			return loaded, err
		}
		loaded = append(loaded, Loaded{img, name})
	}
	if len(loaded) == 0 {
		return nil, errors.Join(append([]error{errEmpty}, skipped...)...)
	}
	if l.opt.Skipped != nil {
		for _, why := range skipped {
			l.opt.Skipped(why)
		}
	}
	return loaded, nil
}

// skips reports whether the others are loaded after such an error: what it is about
// is no image, or is none that was asked for.
func (l loader) skips(err error) bool {
	return errors.As(err, &image.NotAnImage{}) || l.opt.Platform != nil && errors.Is(err, image.ErrPlatform)
}

// called is what a message calls an entry of a layout's index by.
func called(desc v1.Descriptor) string {
	for _, key := range []string{store.AnnotationContainerd, store.AnnotationName} {
		if name := desc.Annotations[key]; name != "" {
			return name
		}
	}
	return desc.Digest.String()
}

// wanted refuses an image for another platform than the one that was asked for.
func (l loader) wanted(config []byte) error {
	if l.opt.Platform == nil {
		return nil
	}
	c, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return fmt.Errorf("read image configuration: %w", err)
	}
	if have := image.PlatformOf(c); !image.RunsOn(have, *l.opt.Platform) {
		return fmt.Errorf("%w: want %s, it is for %s", image.ErrPlatform, l.opt.Platform, have)
	}
	return nil
}

// choose picks a child of an index, of those that are there: archives may list
// images for other platforms without having them.
func (l loader) choose(from source, idx *v1.IndexManifest) (v1.Descriptor, error) {
	here := *idx
	here.Manifests = nil
	for _, d := range idx.Manifests {
		if l.whole(from, d) {
			here.Manifests = append(here.Manifests, d)
		}
	}
	if len(here.Manifests) == 0 {
		here = *idx // what is missing is said when it is looked for
	}
	if l.opt.Platform != nil {
		return image.Choose(&here, *l.opt.Platform)
	}
	child, err := image.Choose(&here, image.MachinePlatform())
	if errors.Is(err, image.ErrPlatform) && len(here.Manifests) < len(idx.Manifests) {
		// Made for one other platform: that is what the user has.
		for _, d := range here.Manifests {
			if d.Platform != nil && d.Platform.OS == "linux" {
				return d, nil
			}
		}
	}
	return child, err
}

// whole reports whether the child's manifest and all that it names are there.
func (l loader) whole(from source, child v1.Descriptor) bool {
	data, err := from.small(blobName(child.Digest))
	if err != nil {
		return false
	}
	if child.MediaType.IsIndex() {
		return true
	}
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return true // what is wrong with it is said when it is read
	}
	for _, blob := range append(m.Layers, m.Config) {
		if !from.has(blobName(blob.Digest)) && !l.store.Blobs.Has(blob.Digest, blob.Size) {
			return false
		}
	}
	return true
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
	if image.ManifestType(desc.MediaType, data).IsIndex() {
		var idx v1.IndexManifest
		if err := json.Unmarshal(data, &idx); err != nil {
			return nil, fmt.Errorf("read index %s: %w", desc.Digest, err)
		}
		child, err := l.choose(from, &idx)
		if err != nil {
			return nil, err
		}
		return l.manifest(from, child, name, depth+1)
	}
	m, err := image.ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", desc.Digest, err)
	}
	if l.opt.Platform != nil {
		config, err := from.small(blobName(m.Config.Digest))
		if err != nil {
			return nil, err
		}
		if err := l.wanted(config); err != nil {
			return nil, err
		}
	}
	for _, blob := range append(m.Layers, m.Config) {
		if err := from.blob(l.store.Blobs, blobName(blob.Digest), blob.Digest); err != nil {
			return nil, err
		}
	}
	return l.store.Enter(store.Entry{Data: data, Manifest: m, Name: name, Unpack: l.opt.Unpack})
}
