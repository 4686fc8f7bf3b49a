package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// ErrCorrupt marks damage in the store: a blob that is missing or is not what
// its name says.
var ErrCorrupt = errors.New("image store is damaged (mvrun image fsck tells more)")

// maxMetadata bounds manifests and configurations, in bytes: what registries must
// take (distribution-spec, "Pushing Manifests") and other tools read. They are
// held in memory, parsed in many times their size.
const maxMetadata = 4 << 20

func errTooMuch(what string, size int64) error {
	return fmt.Errorf("%s has %d bytes: no manifest or configuration is bigger than %d", what, size, maxMetadata)
}

func (s *Store) blobPath(h v1.Hash) string {
	return filepath.Join(s.dir, "blobs", h.Algorithm, h.Hex)
}

// ingestDir holds blobs on their way in; what is in blobs is whole.
func (s *Store) ingestDir() string { return filepath.Join(s.dir, "ingest") }

// has reports whether the blob is there, with the size if that is known (> 0).
func (s *Store) has(h v1.Hash, size int64) bool {
	fi, err := os.Stat(s.blobPath(h))
	return err == nil && (size <= 0 || fi.Size() == size)
}

// readBlob returns a small blob after checking its digest.
func (s *Store) readBlob(h v1.Hash) ([]byte, error) {
	if fi, err := os.Stat(s.blobPath(h)); err == nil && fi.Size() > maxMetadata {
		return nil, errTooMuch("blob "+h.String(), fi.Size())
	}
	data, err := os.ReadFile(s.blobPath(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: blob %s is missing", ErrCorrupt, h)
	}
	if err != nil {
		return nil, err
	}
	got, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if got != h {
		return nil, fmt.Errorf("%w: blob %s has the wrong content", ErrCorrupt, h)
	}
	return data, nil
}

// putBytes stores a small blob and returns its descriptor. It is idempotent,
// and mends a damaged one.
func (s *Store) putBytes(data []byte, mediaType types.MediaType) (v1.Descriptor, error) {
	h, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc := v1.Descriptor{MediaType: mediaType, Digest: h, Size: size}
	if _, err := s.readBlob(h); err == nil {
		return desc, nil
	}
	return desc, s.put(bytes.NewReader(data), h)
}

// put stores a blob of any size after checking its digest. The blob appears
// whole or not at all.
func (s *Store) put(r io.Reader, want v1.Hash) error {
	tmp, err := os.CreateTemp(s.ingestDir(), ".put-*")
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
		return fmt.Errorf("store blob %s: %w: got %s", want, ErrDigest, got)
	}
	// Waiting for this one file is quicker than for the whole file system, which
	// others may keep busy: the built-in busybox comes this way.
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("store blob %s: %w", want, err)
	}
	return s.place(tmp, want)
}

// publish makes an ingested, checked file a blob. It does not wait for the disk:
// flush does, once for all of an image, before a name leads to it. Of a blob that
// a power cut caught, file systems show no more bytes than were written, and its
// size tells.
func (s *Store) publish(f *os.File, h v1.Hash) error {
	s.dirty.Store(true)
	return s.place(f, h)
}

func (s *Store) place(f *os.File, h v1.Hash) error {
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.blobPath(h))
}

// flush writes all blobs to the disk: one wait, where an image has dozens.
func (s *Store) flush() error {
	if !s.dirty.Swap(false) {
		return nil
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("write images to the disk: %w", err)
	}
	return nil
}
