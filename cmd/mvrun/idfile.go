package main

import (
	"errors"
	"fmt"
	"os"
)

// idFile is where the user wants a container's ID. Nil is none.
type idFile struct {
	file    *os.File
	written bool
}

// newIDFile makes the file, which must be new: who runs the same script twice is
// to hear of it before there is a second container.
func newIDFile(path string) (*idFile, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("container ID file found, make sure the other container isn't running or delete %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("write container ID file: %w", err)
	}
	return &idFile{file: f}, nil
}

func (f *idFile) write(id string) error {
	if f == nil {
		return nil
	}
	if _, err := f.file.WriteString(id); err != nil {
		return fmt.Errorf("write container ID file: %w", err)
	}
	f.written = true
	return nil
}

// drop closes the file, and removes it if no container came of it.
func (f *idFile) drop() {
	if f == nil {
		return
	}
	if !f.written {
		os.Remove(f.file.Name())
	}
	f.file.Close()
}
