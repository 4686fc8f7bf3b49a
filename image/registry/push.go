package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// Push sends the image that has the name to the registry in the name. Layers
// that are there are not sent again.
func Push(ctx context.Context, s *store.Store, ref image.Ref, opt PullOptions) (*image.Image, error) {
	release, err := s.Begin()
	if err != nil {
		return nil, err
	}
	defer release()
	img, err := s.Get(ref)
	if err != nil {
		return nil, err
	}
	elsewhere := mountable(s, img, ref)
	reg, err := opt.Registries.open(ctx, ref.Source(), transport.PushScope, repositories(elsewhere)...)
	if err != nil {
		return nil, explain("push", ref, err)
	}
	whole, err := partial.CompressedToImage(stored{s.Blobs, img})
	if err != nil {
		return nil, err
	}
	whole = mounting{whole, elsewhere}
	options := reg.options(ctx)
	if opt.Progress != nil {
		updates := make(chan v1.Update, 16)
		finished := report(opt.Progress, updates)
		defer finished()
		options = append(options, remote.WithProgress(updates))
	}
	if err := remote.Write(reg.reference(ref.Tag()), whole, options...); err != nil {
		return nil, explain("push", ref, err)
	}
	if opt.Progress != nil {
		opt.Progress.Status("layers", "Pushed")
	}
	return img, s.RecordSource(img, ref)
}

// mountable finds out which of the image's layers came from another repository of
// the registry: that has them, and need not be sent them.
func mountable(s *store.Store, img *image.Image, ref image.Ref) map[v1.Hash]name.Repository {
	wanted := map[v1.Hash]bool{}
	for _, l := range img.Manifest.Layers {
		wanted[l.Digest] = true
	}
	found := map[v1.Hash]name.Repository{}
	images, _ := s.List() // of damaged ones nothing is known
	for _, other := range images {
		for _, source := range other.RepoDigests {
			if source.Host() != ref.Host() || source.Repository() == ref.Repository() {
				continue
			}
			for _, l := range other.Manifest.Layers {
				if wanted[l.Digest] {
					found[l.Digest] = source.Source()
				}
			}
		}
	}
	return found
}

func repositories(of map[v1.Hash]name.Repository) (repos []name.Repository) {
	for _, repo := range of {
		if !slices.Contains(repos, repo) {
			repos = append(repos, repo)
		}
	}
	return repos
}

// mounting is an image some of whose layers lie elsewhere in the registry.
type mounting struct {
	v1.Image
	elsewhere map[v1.Hash]name.Repository
}

func (m mounting) Layers() ([]v1.Layer, error) {
	layers, err := m.Image.Layers()
	for i, l := range layers {
		h, err := l.Digest()
		if err != nil {
			return nil, err
		}
		if repo, ok := m.elsewhere[h]; ok {
			layers[i] = &remote.MountableLayer{Layer: l, Reference: repo.Tag("latest")}
		}
	}
	return layers, err
}

// report passes go-containerregistry's sum of bytes on; it closes the channel.
func report(to image.Progress, updates <-chan v1.Update) (finished func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		started := false
		for u := range updates {
			if !started && u.Total > 0 {
				to.Start("layers", u.Total)
				started = true
			}
			to.Update("layers", u.Complete)
		}
	}()
	return func() { <-done }
}

// stored is an image of the store as go-containerregistry sees one: in the very
// bytes that its digests are of.
type stored struct {
	blobs *store.Blobs
	img   *image.Image
}

func (i stored) RawConfigFile() ([]byte, error) { return i.blobs.Read(i.img.ID) }
func (i stored) RawManifest() ([]byte, error)   { return i.blobs.Read(i.img.Digest) }

func (i stored) MediaType() (types.MediaType, error) {
	if i.img.Manifest.MediaType == "" {
		return types.OCIManifestSchema1, nil
	}
	return i.img.Manifest.MediaType, nil
}

func (i stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == i.img.ID {
		data, err := i.RawConfigFile()
		if err != nil {
			return nil, err
		}
		return configLayer{i.img.Manifest.Config, data}, nil
	}
	layers, err := i.img.Layers()
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		if d, err := l.Digest(); err == nil && d == h {
			return l, nil
		}
	}
	return nil, fmt.Errorf("layer %s is not the image's", h)
}

var _ partial.CompressedImageCore = stored{}

// configLayer is the configuration as a blob to send.
type configLayer struct {
	desc v1.Descriptor
	data []byte
}

func (c configLayer) Digest() (v1.Hash, error)            { return c.desc.Digest, nil }
func (c configLayer) Size() (int64, error)                { return c.desc.Size, nil }
func (c configLayer) MediaType() (types.MediaType, error) { return c.desc.MediaType, nil }
func (c configLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(c.data)), nil
}
