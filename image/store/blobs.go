package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/image"
)

// Blobs are the contents of the layout, each in a file that is named after its
// digest. What is in blobs is whole; ingest is where blobs are on their way in.
type Blobs struct {
	dir   string
	dirty atomic.Bool // blobs were made that the disk may not have yet
}

// Path is the file of the blob.
func (b *Blobs) Path(h v1.Hash) string {
	return filepath.Join(b.dir, "blobs", h.Algorithm, h.Hex)
}

// IngestDir holds blobs on their way in; what is in blobs is whole.
func (b *Blobs) IngestDir() string { return filepath.Join(b.dir, "ingest") }

// Has reports whether the blob is there, with the size if that is known (> 0).
func (b *Blobs) Has(h v1.Hash, size int64) bool {
	fi, err := os.Stat(b.Path(h))
	return err == nil && (size <= 0 || fi.Size() == size)
}

// Read returns a small blob after checking its digest.
func (b *Blobs) Read(h v1.Hash) ([]byte, error) {
	if fi, err := os.Stat(b.Path(h)); err == nil && fi.Size() > image.MaxMetadata {
		return nil, image.TooMuch("blob "+h.String(), fi.Size())
	}
	data, err := os.ReadFile(b.Path(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: blob %s is missing", image.ErrCorrupt, h)
	}
	if err != nil {
		return nil, err
	}
	got, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if got != h {
		return nil, fmt.Errorf("%w: blob %s has the wrong content", image.ErrCorrupt, h)
	}
	return data, nil
}

// PutBytes stores a small blob and returns its descriptor. It is idempotent,
// and mends a damaged one.
func (b *Blobs) PutBytes(data []byte, mediaType types.MediaType) (v1.Descriptor, error) {
	h, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc := v1.Descriptor{MediaType: mediaType, Digest: h, Size: size}
	if _, err := b.Read(h); err == nil {
		return desc, nil
	}
	return desc, b.Put(bytes.NewReader(data), h)
}

// Put stores a blob of any size after checking its digest. The blob appears
// whole or not at all.
func (b *Blobs) Put(r io.Reader, want v1.Hash) error {
	tmp, err := os.CreateTemp(b.IngestDir(), ".put-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // a no-op after the rename
	defer tmp.Close()
	got, _, err := v1.SHA256(io.TeeReader(r, tmp))
	if err != nil {
		return fmt.Errorf("store blob %s: %w", want, err)
	}
	if got != want {
		return fmt.Errorf("store blob %s: %w: got %s", want, image.ErrDigest, got)
	}
	// Waiting for this one file is quicker than for the whole file system, which
	// others may keep busy: the built-in busybox comes this way.
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("store blob %s: %w", want, err)
	}
	return b.place(tmp, want)
}

// Publish makes an ingested, checked file a blob. It does not wait for the disk:
// Flush does, once for all of an image, before a name leads to it. Of a blob that
// a power cut caught, file systems show no more bytes than were written, and its
// size tells.
func (b *Blobs) Publish(f *os.File, h v1.Hash) error {
	b.dirty.Store(true)
	return b.place(f, h)
}

func (b *Blobs) place(f *os.File, h v1.Hash) error {
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), b.Path(h))
}

// Flush writes all blobs to the disk: one wait, where an image has dozens.
func (b *Blobs) Flush() error {
	if !b.dirty.Swap(false) {
		return nil
	}
	dir, err := os.Open(b.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("write images to the disk: %w", err)
	}
	return nil
}

// Open returns the bytes of a blob as they are stored.
func (b *Blobs) Open(desc v1.Descriptor) (io.ReadCloser, error) {
	f, err := os.Open(b.Path(desc.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: layer %s is missing", image.ErrCorrupt, desc.Digest)
	}
	return f, err
}

// Manifest reads an image's manifest.
func (b *Blobs) Manifest(h v1.Hash) (*v1.Manifest, error) {
	data, err := b.Read(h)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", h, err)
	}
	if !m.MediaType.IsImage() && m.MediaType != "" {
		return nil, fmt.Errorf("read manifest %s: media type %s is no image's", h, m.MediaType)
	}
	return m, nil
}

// Config reads an image's configuration.
func (b *Blobs) Config(h v1.Hash) (*v1.ConfigFile, error) {
	data, err := b.Read(h)
	if err != nil {
		return nil, err
	}
	c, err := v1.ParseConfigFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read image configuration %s: %w", h, err)
	}
	return c, nil
}

// complete reports whether all of an image's layers are there.
func (b *Blobs) complete(m *v1.Manifest) bool {
	for _, l := range m.Layers {
		if !b.Has(l.Digest, l.Size) {
			return false
		}
	}
	return true
}
