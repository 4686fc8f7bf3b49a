// Package jsonfile keeps small JSON records in files that are either wholly
// there or not at all, whatever moment the power goes.
package jsonfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrCorrupt marks a file that is there but does not hold a valid record.
var ErrCorrupt = errors.New("corrupt record")

// Read fills v from the file. A missing file is fs.ErrNotExist; a file that is
// not valid JSON for v is ErrCorrupt. Both name the path.
func Read(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	}
	return nil
}

// Write replaces the file with v: temporary file in the same directory, fsync,
// rename, fsync of the directory. A nil error means that the record survives a
// power cut; on an error the old record is still whole.
func Write(path string, v any, perm fs.FileMode) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return WriteBytes(path, append(data, '\n'), perm)
}

// WriteBytes is Write for content that is encoded already.
func WriteBytes(path string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // a no-op after the rename
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(perm)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDir(dir)
}

// Overwrite is Write for a full disk: it changes the file in its place, which
// takes no room as long as v is not much longer than what is there. Killed in
// between it may leave a file that is ErrCorrupt. It makes no file.
func Overwrite(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		err = InPlace(f, append(data, '\n'), info.Size())
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// InPlace replaces the text of an open file, which has old bytes, by one write:
// what a reader finds of the old text, before the file is cut, are empty lines.
func InPlace(f *os.File, text []byte, old int64) error {
	size := int64(len(text))
	for int64(len(text)) < old {
		text = append(text, '\n')
	}
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	return f.Truncate(size)
}

// Sync makes a file durable that was written without, and its name.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), SyncDir(filepath.Dir(path)))
}

// SyncDir makes the names in a directory durable (fsync(2), "Calling fsync()
// does not necessarily ensure that the entry in the directory has reached
// disk").
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
