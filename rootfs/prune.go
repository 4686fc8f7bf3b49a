package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Prune removes the unpacked layers that keep does not want, and what killed
// unpackings left. keep is given the layer's directory and the hexadecimal
// digits of its diff-id. The caller makes sure that nobody is about to use one.
// It returns the sizes of the removed ones in bytes.
func (s *Store) Prune(keep func(dir, diffID string) bool) (freed int64, err error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		n, err := s.pruneEntry(e.Name(), keep)
		freed += n
		if err != nil {
			return freed, fmt.Errorf("remove layer %s: %w", e.Name(), err)
		}
	}
	return freed, nil
}

func (s *Store) pruneEntry(name string, keep func(dir, diffID string) bool) (int64, error) {
	path := filepath.Join(s.dir, name)
	switch {
	case name == "empty":
		return 0, nil
	case strings.HasSuffix(name, ".lock"): // with the rest of its unpacking, if there is any
		return 0, s.pruneHalf(strings.TrimSuffix(name, ".lock") + ".tmp")
	case strings.HasPrefix(name, "."):
		return 0, s.pruneHalf(name)
	case keep(path, name):
		return 0, nil
	}
	size, _ := s.Size(hashOf(name))
	// Out of sight first: a half-removed layer must not be found whole.
	gone := filepath.Join(s.dir, "."+name+".gone")
	if err := os.RemoveAll(gone); err != nil {
		return 0, err
	}
	if err := os.Rename(path, gone); err != nil {
		return 0, err
	}
	return size, os.RemoveAll(gone)
}

// pruneHalf removes what is half-made or half-removed, unless someone is at it.
func (s *Store) pruneHalf(name string) error {
	hex, isTmp := strings.CutSuffix(strings.TrimPrefix(name, "."), ".tmp")
	if !isTmp {
		return os.RemoveAll(filepath.Join(s.dir, name))
	}
	lock := filepath.Join(s.dir, "."+hex+".lock")
	held, err := jsonfile.OpenLocked(lock, false)
	if errors.Is(err, jsonfile.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer held.Close()
	defer os.Remove(lock)
	return os.RemoveAll(filepath.Join(s.dir, name))
}
