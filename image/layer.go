package image

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
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
	r, err := decompress(blob)
	if err != nil {
		blob.Close()
		return nil, fmt.Errorf("decompress layer %s: %w", l.desc.Digest, err)
	}
	return r, nil
}

// layersOf pairs the manifest's blobs with the configuration's diff-ids.
func layersOf(m *v1.Manifest, c *v1.ConfigFile, open func(v1.Descriptor) (io.ReadCloser, error)) ([]v1.Layer, error) {
	if len(m.Layers) != len(c.RootFS.DiffIDs) {
		return nil, fmt.Errorf("the manifest has %d layers and the configuration %d diff-ids", len(m.Layers), len(c.RootFS.DiffIDs))
	}
	layers := make([]v1.Layer, len(m.Layers))
	for i, desc := range m.Layers {
		layers[i] = &layer{desc, c.RootFS.DiffIDs[i], open}
	}
	return layers, nil
}

func (s *Store) openBlob(desc v1.Descriptor) (io.ReadCloser, error) {
	f, err := os.Open(s.blobPath(desc.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: layer %s is missing", ErrCorrupt, desc.Digest)
	}
	return f, err
}

// decompress goes by the content, not by the media type: Docker does so too,
// and there are images in the wild whose types lie.
func decompress(blob io.ReadCloser) (io.ReadCloser, error) {
	buf := bufio.NewReaderSize(blob, 128<<10)
	magic, err := buf.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(buf)
		if err != nil {
			return nil, err
		}
		return stacked{z, func() error { return errors.Join(z.Close(), blob.Close()) }}, nil
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(buf, zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return stacked{z, func() error { z.Close(); return blob.Close() }}, nil
	case bytes.HasPrefix(magic, []byte("BZh")), bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return nil, errors.New("bzip2 and xz are not known here: gzip, zstd and plain tar are")
	}
	return stacked{buf, blob.Close}, nil
}

type stacked struct {
	io.Reader
	close func() error
}

func (s stacked) Close() error { return s.close() }
