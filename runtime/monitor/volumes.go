package monitor

import (
	"os"
	"path/filepath"

	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

// mountVolumes finds the container's volumes, and before its first start fills
// the empty ones with what the image has in their places. The container's own
// directory remembers that, so that a volume which the user has emptied since
// stays empty.
func (m *mounts) mountVolumes(store *container.Store, c *container.Config) error {
	vols := rootfs.OpenVolumes(store.Root)
	filled := filepath.Join(store.Dir(c.ID), "volumes-filled")
	_, err := os.Lstat(filled)
	first, copied := err != nil, false
	for _, mount := range c.Mounts {
		if mount.Type != "volume" {
			continue
		}
		vol, err := vols.Get(mount.Name)
		if err != nil {
			return err
		}
		m.volumes[mount.Name] = vol.Path
		if first && mount.CopyUp {
			if err := vols.CopyUp(mount.Name, m.root, mount.Destination); err != nil {
				return err
			}
			copied = true
		}
	}
	if !copied {
		return nil
	}
	return os.WriteFile(filled, nil, 0o600)
}
