package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Hold keeps every blob and layer from being collected until release is called
// or the process ends. Whoever puts an image together holds it from the first
// blob to the name, and whoever makes a container from the look-up to the
// container's record. Any number may hold at once; it costs two system calls.
func (s *Store) Hold() (release func(), err error) {
	f, err := s.use.open()
	if err != nil {
		return nil, err
	}
	if err := jsonfile.Flock(f, unix.LOCK_SH); err != nil {
		f.Close()
		return nil, fmt.Errorf("hold image store: %w", err)
	}
	return func() { f.Close() }, nil
}

// Exclude keeps everyone from holding the store, for removing what no image
// needs. It waits for nobody: while anyone holds, it is image.ErrBusy.
func (s *Store) Exclude() (release func(), err error) {
	f, err := s.use.open()
	if err != nil {
		return nil, err
	}
	if err := jsonfile.Flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, image.ErrBusy
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}

// useLock is a file, never removed, with a lock that is shared by all who hold.
type useLock struct{ dir string }

func (l useLock) open() (*os.File, error) {
	path := filepath.Join(l.dir, "use.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		if err := indexFile(l).init(); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	return f, err
}
