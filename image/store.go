// Package image keeps images: an OCI image layout on disk with locks and
// atomic writes around it, filled from registries, archives and the busybox
// that is built in.
package image

import (
	"context"
	"errors"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("no such image")
	errTodo     = errors.New("not written yet")
)

// Store is the directory of images. It is an OCI image layout that other tools
// can read.
type Store struct {
	dir string
}

// Open returns the store under root, which need not exist: it is made on first
// use. Open itself touches nothing.
func Open(root string) (*Store, error) {
	return &Store{dir: filepath.Join(root, "images")}, nil
}

// Get finds an image of the store by name, digest, ID or a prefix of the ID.
// An unknown one is ErrNotFound.
func (s *Store) Get(ref string) (*Image, error) { return nil, ErrNotFound }

func (s *Store) ensure(ctx context.Context, ref string, opt PullOptions) (*Image, error) {
	return nil, errTodo
}

func (i *Image) layers() ([]v1.Layer, error) { return nil, errTodo }
