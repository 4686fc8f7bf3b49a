package vm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Cache is a directory of things that take long to get. Each is complete or
// not there, also after a kill -9.
type Cache struct{ Dir string }

// OpenCache opens the directory named by MVRUN_VM_CACHE, else .cache beside
// this file.
func OpenCache() (Cache, error) {
	dir := os.Getenv("MVRUN_VM_CACHE")
	if dir == "" {
		dir = ".cache"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Cache{}, err
	}
	return Cache{dir}, os.MkdirAll(dir, 0o755)
}

// Get returns the path of the thing with this name, made by fill at the path
// that it is given, unless it is there. The words say what the thing was made
// from: other words are another thing.
func (c Cache) Get(name string, words []string, fill func(path string) error) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	path := filepath.Join(c.Dir, name+"-"+hex.EncodeToString(sum[:6]))
	unlock, err := c.lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	scratch := filepath.Join(c.Dir, "scratch")
	if err := os.RemoveAll(scratch); err != nil { // of a run that was killed
		return "", err
	}
	if err := fill(scratch); err != nil {
		return "", errors.Join(fmt.Errorf("make %s: %w", name, err), os.RemoveAll(scratch))
	}
	return path, os.Rename(scratch, path)
}

// lock guards the cache against another run of the tests.
func (c Cache) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.Dir, "lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}
