package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/continuity/fs"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// CopyUp fills an empty volume with what the image has at the path where it will
// be mounted, owner and mode of the directory itself included, as Docker does.
// root is the container's mounted root file system; symbolic links in path
// resolve inside it. A volume that holds anything is left as it is. It is
// idempotent, and a killed one leaves the volume empty.
func (v *Volumes) CopyUp(name, root, path string) error {
	unlock, err := jsonfile.Lock(filepath.Join(v.dir, name, "copy.lock"))
	if err != nil {
		return fmt.Errorf("lock volume %s: %w", name, err)
	}
	defer unlock()
	data, tmp := v.data(name), filepath.Join(v.dir, name, "_copying")
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) > 0 {
		return err
	}
	source, err := openInside(root, path)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil // nothing to copy; the mount point is made later, or refused
	}
	if err != nil {
		return fmt.Errorf("open %s in the image: %w", path, err)
	}
	defer unix.Close(source)
	err = fs.CopyDir(tmp, fmt.Sprintf("/proc/self/fd/%d/.", source))
	if err == nil {
		err = unix.Rename(tmp, data) // over the empty directory (rename(2))
	}
	if err != nil {
		_ = os.RemoveAll(tmp)
		return fmt.Errorf("copy %s of the image into volume %s: %w", path, name, err)
	}
	return nil
}

// openInside opens a directory below root, which no link leads out of.
func openInside(root, path string) (fd int, err error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	return unix.Openat2(dir, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}
