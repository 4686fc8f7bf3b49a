package image

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Push sends the image that has the name to the registry in the name. Layers
// that are there are not sent again.
func (s *Store) Push(ctx context.Context, ref string, opt PullOptions) (*Image, error) {
	full, err := TagName(ref)
	if err != nil {
		return nil, err
	}
	release, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer release()
	img, err := s.Get(ref)
	if err != nil {
		return nil, err
	}
	tag, err := name.NewTag(full)
	if err != nil {
		return nil, err
	}
	reg, err := opt.Registries.open(ctx, tag.Context(), transport.PushScope)
	if err != nil {
		return nil, explain("push", tag, err)
	}
	whole, err := partial.CompressedToImage(stored{img})
	if err != nil {
		return nil, err
	}
	options := reg.options(ctx)
	if opt.Progress != nil {
		updates := make(chan v1.Update, 16)
		finished := report(opt.Progress, updates)
		defer finished()
		options = append(options, remote.WithProgress(updates))
	}
	to, err := name.NewTag(reg.repo.Name() + ":" + tag.TagStr())
	if err != nil {
		return nil, err
	}
	if err := remote.Write(to, whole, options...); err != nil {
		return nil, explain("push", tag, err)
	}
	if opt.Progress != nil {
		opt.Progress.Status("layers", "Pushed")
	}
	return img, s.recordSource(img, full, repoOf(tag))
}

// recordSource remembers that the image can be had from the repository.
func (s *Store) recordSource(img *Image, full, repo string) error {
	return s.update(func(idx *v1.IndexManifest) error {
		for i, d := range idx.Manifests {
			if d.Digest == img.Digest && d.Annotations[annotationName] == full && d.Annotations[annotationSource] == "" {
				idx.Manifests[i] = named(d, full, v1.Descriptor{Annotations: map[string]string{annotationSource: join(repo, img.Digest.String())}})
			}
		}
		return nil
	})
}

// report passes go-containerregistry's sum of bytes on; it closes the channel.
func report(to Progress, updates <-chan v1.Update) (finished func()) {
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
type stored struct{ img *Image }

func (i stored) RawConfigFile() ([]byte, error) { return i.img.store.readBlob(i.img.ID) }
func (i stored) RawManifest() ([]byte, error)   { return i.img.store.readBlob(i.img.Digest) }

func (i stored) MediaType() (types.MediaType, error) {
	if i.img.manifest.MediaType == "" {
		return types.OCIManifestSchema1, nil
	}
	return i.img.manifest.MediaType, nil
}

func (i stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == i.img.ID {
		data, err := i.RawConfigFile()
		if err != nil {
			return nil, err
		}
		return configLayer{i.img.manifest.Config, data}, nil
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
