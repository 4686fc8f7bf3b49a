package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ErrNoImages says that an archive is no image archive.
var ErrNoImages = errors.New("this is no image archive: it has neither index.json nor manifest.json (mvrun import makes an image of a root file system)")

// Loaded is an image that an archive brought, with the name that it has there,
// familiar, or "".
type Loaded struct {
	*Image
	Name string
}

// Load puts the images of an archive into the store: what docker save, podman
// save, skopeo or mvrun save write, plain or compressed. Images before a damaged
// one stay and are returned beside the error.
func (s *Store) Load(ctx context.Context, r io.Reader) (loaded []Loaded, err error) {
	release, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer s.discard(&err)
	defer release()
	a, err := s.takeApart(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	defer a.close()
	if _, ok := a.find("index.json"); ok {
		loaded, err = s.loadLayout(ctx, a)
		return loaded, wrapLoad(err)
	}
	if _, ok := a.find("manifest.json"); ok {
		loaded, err = s.loadDocker(ctx, a)
		return loaded, wrapLoad(err)
	}
	return nil, fmt.Errorf("load images: %w", ErrNoImages)
}

// LoadDir is Load for an OCI image layout in a directory. Nothing outside it is
// read, wherever its symlinks lead.
func (s *Store) LoadDir(ctx context.Context, dir string) (loaded []Loaded, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	defer root.Close()
	release, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer s.discard(&err)
	defer release()
	loaded, err = s.loadLayout(ctx, tree{root.FS()})
	if errors.Is(err, fs.ErrNotExist) && len(loaded) == 0 {
		if _, statErr := root.Stat("index.json"); statErr != nil {
			err = fmt.Errorf("%s is no OCI image layout: it has no index.json", dir)
		}
	}
	return loaded, wrapLoad(err)
}

// begin makes the store, removes what the killed left in it, and holds it.
func (s *Store) begin() (release func(), err error) {
	if err := s.init(); err != nil {
		return nil, err
	}
	_ = s.tidy() // what can't go now is in nobody's way
	return s.Hold()
}

// discard removes what was brought for an image that did not come about, unless
// someone holds the store.
func (s *Store) discard(err *error) {
	if *err != nil {
		_ = s.collect() // the first error says more
	}
}

func wrapLoad(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("load images: %w", err)
}

// dockerImage is an entry of manifest.json in docker save's archives.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (s *Store) loadDocker(ctx context.Context, a *archive) ([]Loaded, error) {
	data, err := a.small("manifest.json")
	if err != nil {
		return nil, err
	}
	var entries []dockerImage
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, fmt.Errorf("read manifest.json: %w", err)
	}
	var loaded []Loaded
	for _, e := range entries {
		if ctx.Err() != nil {
			return loaded, context.Cause(ctx)
		}
		images, err := s.loadDockerImage(a, e)
		loaded = append(loaded, images...)
		if err != nil {
			return loaded, err
		}
	}
	return loaded, nil
}

func (s *Store) loadDockerImage(a *archive, e dockerImage) (loaded []Loaded, err error) {
	config, err := a.small(e.Config)
	if err != nil {
		return nil, err
	}
	var layers []v1.Descriptor
	for _, name := range e.Layers {
		desc, err := s.loadDockerLayer(a, name)
		if err != nil {
			return nil, err
		}
		layers = append(layers, desc)
	}
	var full []string
	for _, tag := range e.RepoTags {
		c, err := Canonical(tag)
		if err != nil {
			return nil, err
		}
		full = append(full, c)
	}
	if len(full) == 0 {
		full = []string{""}
	}
	for _, name := range full {
		img, err := s.composeRaw(config, layers, name)
		if err != nil {
			return loaded, err
		}
		loaded = append(loaded, Loaded{img, familiar(name)})
	}
	return loaded, nil
}

func (s *Store) loadDockerLayer(a *archive, name string) (v1.Descriptor, error) {
	m, ok := a.find(name)
	if !ok {
		return v1.Descriptor{}, fmt.Errorf("the archive has no layer %s: %w", name, fs.ErrNotExist)
	}
	desc := v1.Descriptor{Digest: m.digest, Size: m.size, MediaType: types.OCIUncompressedLayer}
	if s.has(m.digest, m.size) {
		m = &member{s.blobPath(m.digest), m.digest, m.size} // moved for another image already
	}
	head, err := m.head()
	if err != nil {
		return desc, err
	}
	desc.MediaType = layerType(compressionOf(head))
	return desc, a.move(s, m)
}

// layerType is the media type of a layer that is compressed so.
func layerType(packed compression) types.MediaType {
	switch packed {
	case gzipped:
		return types.OCILayer
	case zstandard:
		return types.OCILayerZStd
	}
	return types.OCIUncompressedLayer
}
