// Package archive brings images out of tarballs and layouts into the store and
// writes them there: load and save, and the images that mvrun makes itself, of a
// root file system's tarball or of a container's changes.
package archive

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

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/compression"
	"github.com/mvrun/mvrun/image/store"
)

// Loaded is an image that an archive brought, with the name that it has there, if
// any.
type Loaded struct {
	*image.Image
	Name image.Ref
}

// Options say what an archive's images must go through.
type Options struct {
	// MaxFile bounds each file of an archive, unpacked, in bytes; 0 is no limit.
	// What is bigger is image.ErrTooBig.
	MaxFile int64
	// Platform is what images are to be for, of those that the archive has; nil: this
	// machine's, or else what is there.
	Platform *v1.Platform
	// Skipped hears of what is there and is no image, or no name of one; nil: nobody
	// does.
	Skipped func(why error)
	// Unpack is called with the layers of each image, the lowest first, before it
	// has a name: one whose layers can't be unpacked does not come in. nil is none.
	Unpack func(layers []v1.Layer) error
}

type loader struct {
	store *store.Store
	opt   Options
}

// Load puts the images of an archive into the store: what docker save, podman
// save, skopeo or mvrun save write, plain or compressed. Images before a damaged
// one stay and are returned beside the error.
func Load(ctx context.Context, s *store.Store, r io.Reader, opt Options) (loaded []Loaded, err error) {
	release, err := s.Begin()
	if err != nil {
		return nil, err
	}
	defer s.Discard(&err)
	defer release()
	a, err := takeApart(ctx, s, r, opt.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	defer a.close()
	l := loader{s, opt}
	_, layout := a.find("index.json")
	_, docker := a.find("manifest.json")
	err = image.ErrNoImages
	if layout {
		loaded, err = l.layout(ctx, a)
	}
	// Docker 25 saves an image that is named by its ID without an entry in the index.
	if docker && (!layout || errors.Is(err, errEmpty)) {
		loaded, err = l.docker(ctx, a)
	}
	return loaded, wrapLoad(err)
}

// LoadDir is Load for an OCI image layout in a directory. Nothing outside it is
// read, wherever its symlinks lead.
func LoadDir(ctx context.Context, s *store.Store, dir string, opt Options) (loaded []Loaded, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	defer root.Close()
	release, err := s.Begin()
	if err != nil {
		return nil, err
	}
	defer s.Discard(&err)
	defer release()
	loaded, err = loader{s, opt}.layout(ctx, tree{root.FS()})
	if errors.Is(err, fs.ErrNotExist) && len(loaded) == 0 {
		if _, statErr := root.Stat("index.json"); statErr != nil {
			err = fmt.Errorf("%s is no OCI image layout: it has no index.json", dir)
		}
	}
	return loaded, wrapLoad(err)
}

// errEmpty says that an archive is one of images and has none.
var errEmpty = errors.New("the archive has no image in it")

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

func (l loader) docker(ctx context.Context, a *archive) ([]Loaded, error) {
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
		images, err := l.dockerImage(a, e)
		loaded = append(loaded, images...)
		if err != nil {
			return loaded, err
		}
	}
	if len(loaded) == 0 {
		return nil, errEmpty
	}
	return loaded, nil
}

func (l loader) dockerImage(a *archive, e dockerImage) (loaded []Loaded, err error) {
	config, err := a.small(e.Config)
	if err != nil {
		return nil, err
	}
	if err := l.wanted(config); err != nil {
		return nil, err
	}
	var layers []v1.Descriptor
	for _, name := range e.Layers {
		desc, err := l.dockerLayer(a, name)
		if err != nil {
			return nil, err
		}
		layers = append(layers, desc)
	}
	names := []image.Ref{}
	for _, tag := range e.RepoTags {
		name, err := image.ParseTag(tag)
		if err != nil { // the image is good all the same
			if l.opt.Skipped != nil {
				l.opt.Skipped(err)
			}
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		names = []image.Ref{{}}
	}
	for _, name := range names {
		img, err := l.store.Compose(config, layers, store.Entry{Name: name, Unpack: l.opt.Unpack})
		if err != nil {
			return loaded, err
		}
		loaded = append(loaded, Loaded{img, name})
	}
	return loaded, nil
}

func (l loader) dockerLayer(a *archive, name string) (v1.Descriptor, error) {
	m, ok := a.find(name)
	if !ok {
		return v1.Descriptor{}, fmt.Errorf("the archive has no layer %s: %w", name, fs.ErrNotExist)
	}
	desc := v1.Descriptor{Digest: m.digest, Size: m.size, MediaType: types.OCIUncompressedLayer}
	if l.store.Blobs.Has(m.digest, m.size) {
		m = &member{l.store.Blobs.Path(m.digest), m.digest, m.size} // moved for another image already
	}
	head, err := m.head()
	if err != nil {
		return desc, err
	}
	desc.MediaType = image.LayerType(compression.Of(head))
	return desc, a.move(l.store.Blobs, m)
}
