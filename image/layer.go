package image

import (
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/mvrun/mvrun/image/compression"
)

// layer is a layer whose compressed bytes come from open.
type layer struct {
	desc   v1.Descriptor
	diffID v1.Hash
	open   func(v1.Descriptor) (io.ReadCloser, error)
}

var _ v1.Layer = (*layer)(nil)

func (l *layer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *layer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *layer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *layer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *layer) Compressed() (io.ReadCloser, error)  { return l.open(l.desc) }
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	blob, err := l.open(l.desc)
	if err != nil {
		return nil, err
	}
	r, err := compression.Layer(blob)
	if err != nil {
		blob.Close()
		return nil, fmt.Errorf("decompress layer %s: %w", l.desc.Digest, err)
	}
	return r, nil
}

// Layers pairs the manifest's blobs with the configuration's diff-ids.
func Layers(m *v1.Manifest, c *v1.ConfigFile, open func(v1.Descriptor) (io.ReadCloser, error)) ([]v1.Layer, error) {
	if len(m.Layers) != len(c.RootFS.DiffIDs) {
		return nil, fmt.Errorf("the manifest has %d layers and the configuration %d diff-ids", len(m.Layers), len(c.RootFS.DiffIDs))
	}
	layers := make([]v1.Layer, len(m.Layers))
	for i, desc := range m.Layers {
		layers[i] = &layer{desc, c.RootFS.DiffIDs[i], open}
	}
	return layers, nil
}
