package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// source is where loaded images come from: a directory or a tarball that was
// taken apart. Names are those inside it.
type source interface {
	small(name string) ([]byte, error)
	blob(s *Store, name string, want v1.Hash) error
}

// tree is a source on a file system: a directory, or what is built in.
type tree struct{ fs.FS }

func (t tree) small(name string) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMetadata+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxMetadata {
		return nil, errTooMuch(name, int64(len(data)))
	}
	return data, nil
}

func (t tree) blob(s *Store, name string, want v1.Hash) error {
	if s.has(want, 0) {
		return nil
	}
	f, err := t.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.put(f, want)
}

func blobName(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// loadLayout puts every image of an OCI image layout into the store, with its
// name. All of an image's blobs are here before its name is.
func (s *Store) loadLayout(ctx context.Context, from source) ([]Loaded, error) {
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
		name := layoutName(desc)
		img, err := s.loadManifest(from, desc, name, 0)
		if err != nil {
			return loaded, err
		}
		loaded = append(loaded, Loaded{img, familiar(name)})
	}
	return loaded, nil
}

// layoutName is the name that a layout's descriptor gives, canonical, "" for
// none. containerd and Docker put the tag alone into the standard annotation
// and the name into their own; skopeo, podman and mvrun put the name there.
func layoutName(desc v1.Descriptor) string {
	name := desc.Annotations["io.containerd.image.name"]
	if name == "" {
		name = desc.Annotations[annotationName]
		if isBareTag(name) {
			return ""
		}
	}
	full, err := Canonical(name)
	if err != nil {
		return "" // the standard allows names that Docker's grammar does not
	}
	return full
}

// isBareTag reports whether a reference name is more likely a tag than a name.
func isBareTag(s string) bool {
	digit := func(i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
	if strings.ContainsAny(s, "/:@") {
		return false
	}
	return s == "latest" || digit(0) || len(s) > 0 && s[0] == 'v' && digit(1)
}

func (s *Store) loadManifest(from source, desc v1.Descriptor, name string, depth int) (*Image, error) {
	if desc.Digest.Algorithm != "sha256" || depth > 3 {
		return nil, fmt.Errorf("manifest %s can't be loaded: not sha256, or nested too deep", desc.Digest)
	}
	data, err := from.small(blobName(desc.Digest))
	if err != nil {
		return nil, err
	}
	if err := checkDigest(data, desc.Digest); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", desc.Digest, err)
	}
	if desc.MediaType.IsIndex() {
		var idx v1.IndexManifest
		if err := json.Unmarshal(data, &idx); err != nil {
			return nil, fmt.Errorf("read index %s: %w", desc.Digest, err)
		}
		child, err := choose(&idx, machinePlatform())
		if err != nil {
			return nil, err
		}
		return s.loadManifest(from, child, name, depth+1)
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", desc.Digest, err)
	}
	for _, blob := range append(m.Layers, m.Config) {
		if err := from.blob(s, blobName(blob.Digest), blob.Digest); err != nil {
			return nil, err
		}
	}
	return s.enter(data, m, name, nil)
}
