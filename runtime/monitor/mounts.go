package monitor

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

// mounts is the container's root file system in the monitor's own mount
// namespace.
type mounts struct {
	root    string
	volumes map[string]string
}

// mountAll mounts the container's snapshot: its writable layer over the
// image's layers. The kernel takes the mount back when the monitor ends.
func mountAll(store *container.Store, c *container.Config) (*mounts, error) {
	dir := store.Dir(c.ID)
	m := &mounts{root: filepath.Join(dir, "rootfs"), volumes: map[string]string{}}
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	for _, d := range []string{m.root, upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := rootfs.MountOverlay(m.root, c.Layers, upper, work); err != nil {
		return nil, fmt.Errorf("mount root file system: %w", err)
	}
	if err := m.mountVolumes(store, c); err != nil {
		m.release()
		return nil, err
	}
	return m, nil
}

// release unmounts what outlives no container; lazily, as a process that was
// let in from outside may still be there.
func (m *mounts) release() { _ = unix.Unmount(m.root, unix.MNT_DETACH) }
