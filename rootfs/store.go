// Package rootfs makes root file systems: image layers unpacked once each,
// overlay mounts over them, and volumes.
package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Store is the directory of unpacked layers, <root>/layers/<diff-id>/.
type Store struct {
	dir string
	max int64
}

// Open returns the store under root. It touches nothing.
func Open(root string) *Store {
	return &Store{dir: filepath.Join(root, "layers")}
}

// LimitUnpacked refuses layers that hold more than n bytes unpacked; 0 is no
// limit. Holes of sparse files count, and each file for 4 KiB at least.
func (s *Store) LimitUnpacked(n int64) { s.max = n }

// unpackers is how many layers are unpacked at a time. One keeps a processor
// busy decompressing while another waits for the disk.
const unpackers = 3

// Unpack makes every layer a directory and returns the directories as overlayfs
// wants them: the topmost first. The layers come the lowest first. A layer that
// is there already costs one stat. An image without layers gets an empty
// directory, as overlayfs wants at least one. A nil error means that the
// directories are whole and on the disk, not that this call made them.
func (s *Store) Unpack(ctx context.Context, layers []v1.Layer) (lower []string, err error) {
	if len(layers) == 0 {
		return s.empty()
	}
	var missing []v1.Layer
	for i, layer := range slices.Backward(layers) {
		id, err := layer.DiffID()
		if err != nil {
			return nil, fmt.Errorf("read layer %d's diff-id: %w", i, err)
		}
		dir := s.path(id)
		if slices.Contains(lower, dir) {
			// overlayfs refuses a directory that is there twice (ELOOP). Old images
			// have the same empty layer many times; of any, the upper one hides all of
			// the lower one.
			continue
		}
		lower = append(lower, dir)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, layer)
		} else if err != nil {
			return nil, fmt.Errorf("look up layer %s: %w", id, err)
		}
	}
	if len(missing) == 0 {
		return lower, nil
	}
	slices.Reverse(missing) // as they are downloaded
	return lower, s.unpackAll(ctx, missing)
}

func (s *Store) unpackAll(ctx context.Context, layers []v1.Layer) error {
	// Only root comes in: the trees hold setuid programs and device nodes that
	// are nobody's business outside a container.
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(unpackers)
	for _, layer := range layers {
		group.Go(func() error { return s.unpackOnce(ctx, layer) })
	}
	return group.Wait()
}

// unpackOnce makes the layer's directory unless it is there. It unpacks beside
// it, under the layer's lock, and renames when all is checked: whoever sees the
// directory sees it whole. What a killed one left is removed first.
func (s *Store) unpackOnce(ctx context.Context, layer v1.Layer) error {
	id, err := layer.DiffID()
	if err != nil {
		return err
	}
	final, tmp, lock := s.path(id), filepath.Join(s.dir, "."+id.Hex+".tmp"), filepath.Join(s.dir, "."+id.Hex+".lock")
	held, err := jsonfile.WaitLocked(ctx, lock)
	if err != nil {
		return fmt.Errorf("lock layer %s: %w", short(id), err)
	}
	defer held.Close()
	defer os.Remove(lock)
	if _, err := os.Stat(final); err == nil {
		return nil // another command made it while this one waited
	}
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("remove what an interrupted unpacking left: %w", err)
	}
	err = mkdir(tmp)
	big := false
	if err == nil {
		big, err = s.unpack(ctx, layer, id, tmp)
	}
	if err == nil {
		err = syncTree(tmp, big)
	}
	if err == nil {
		err = os.Rename(tmp, final)
	}
	if err != nil {
		_ = os.RemoveAll(tmp) // the first error says more
		return fmt.Errorf("unpack layer %s: %w", short(id), err)
	}
	return nil
}

func (s *Store) empty() ([]string, error) {
	dir := filepath.Join(s.dir, "empty")
	if _, err := os.Stat(dir); err == nil {
		return []string{dir}, nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return []string{dir}, nil
}

// mkdir makes a directory that containers see: for all to enter, whatever the
// caller's umask.
func mkdir(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

func (s *Store) path(id v1.Hash) string { return filepath.Join(s.dir, id.Hex) }

// short is the form of a digest that people compare by eye.
func short(id v1.Hash) string {
	if len(id.Hex) < 12 {
		return id.Hex
	}
	return id.Hex[:12]
}

func hashOf(hex string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex} }
