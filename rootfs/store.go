// Package rootfs makes root file systems: image layers unpacked once each,
// overlay mounts over them, and volumes.
package rootfs

import (
	"context"
	"errors"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Store is the directory of unpacked layers, <root>/layers/<diff-id>/.
type Store struct {
	dir string
}

// Open returns the store under root. It touches nothing.
func Open(root string) *Store {
	return &Store{dir: filepath.Join(root, "layers")}
}

// Unpack makes every layer a directory and returns the directories as overlayfs
// wants them: the topmost first. The layers come the lowest first. A layer that
// is there already costs one stat. A nil error means that the directories are
// whole, not that this call made them.
func (s *Store) Unpack(ctx context.Context, layers []v1.Layer) (lower []string, err error) {
	return nil, errors.New("not written yet")
}

// MountOverlay mounts the layers (topmost first) with a writable layer on
// target, in the caller's mount namespace.
func MountOverlay(target string, lower []string, upper, work string) error {
	return errors.New("not written yet")
}
