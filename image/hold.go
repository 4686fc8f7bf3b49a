package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Hold keeps every blob and layer from being collected until release is called
// or the process ends. Whoever puts an image together holds it from the first
// blob to the name, and whoever makes a container from the look-up to the
// container's record. Any number may hold at once; it costs two system calls.
func (s *Store) Hold() (release func(), err error) {
	f, err := s.useLock()
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_SH); err != nil {
		f.Close()
		return nil, fmt.Errorf("hold image store: %w", err)
	}
	return func() { f.Close() }, nil
}

// exclude waits for nobody: it returns ErrLocked while anyone holds.
func (s *Store) exclude() (release func(), err error) {
	f, err := s.useLock()
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, jsonfile.ErrLocked
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}

// useLock opens the lock file, which is never removed.
func (s *Store) useLock() (*os.File, error) {
	path := filepath.Join(s.dir, "use.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		if err := s.init(); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	return f, err
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
