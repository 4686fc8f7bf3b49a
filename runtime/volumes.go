package runtime

import (
	"errors"
	"path/filepath"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/rootfs"
)

// RemoveAnonymousVolumes removes the volumes that were made for this container
// alone. It is idempotent.
func (s *Store) RemoveAnonymousVolumes(c *Config) error {
	vols := rootfs.OpenVolumes(s.Root)
	var errs []error
	for _, m := range c.Mounts {
		if m.Type != "volume" || !m.Anonymous || m.Name == "" {
			continue
		}
		if err := vols.Remove(m.Name); !errors.Is(err, rootfs.ErrNoVolume) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removeVolumesOf does that for a container that goes with its exit (--rm), or
// that never came to be; its directory is dir by now. One without a readable
// record has none that could be found.
func (s *Store) removeVolumesOf(dir string) error {
	var c Config
	if jsonfile.Read(filepath.Join(dir, "config.pending.json"), &c) == nil {
		return s.RemoveAnonymousVolumes(&c)
	}
	if err := jsonfile.Read(filepath.Join(dir, "config.json"), &c); err != nil || !c.AutoRemove {
		return nil
	}
	return s.RemoveAnonymousVolumes(&c)
}
