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
// idempotent, and the next one finishes what a killed one began.
func (v *Volumes) CopyUp(name, root, path string) error {
	dir := filepath.Join(v.dir, name)
	unlock, err := jsonfile.Lock(filepath.Join(dir, "copy.lock"))
	if err != nil {
		return fmt.Errorf("lock volume %s: %w", name, err)
	}
	defer unlock()
	data, half, whole := v.data(name), filepath.Join(dir, "_copying"), filepath.Join(dir, "_copied")
	if _, err := os.Lstat(whole); err == nil {
		if err := moveInto(data, whole); err != nil {
			return fmt.Errorf("fill volume %s: %w", name, err)
		}
		return nil
	}
	if err := os.RemoveAll(half); err != nil {
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
	err = fs.CopyDir(half, fmt.Sprintf("/proc/self/fd/%d/.", source))
	if err == nil {
		err = os.Rename(half, whole)
	}
	if err == nil {
		err = moveInto(data, whole)
	}
	if err != nil {
		_ = os.RemoveAll(half)
		return fmt.Errorf("copy %s of the image into volume %s: %w", path, name, err)
	}
	return nil
}

// moveInto fills the volume's directory with the copy. The directory itself
// stays: a running container may have it mounted, and what it has written there
// meanwhile stays too.
func moveInto(data, whole string) error {
	entries, err := os.ReadDir(whole)
	if err != nil {
		return err
	}
	for _, e := range entries {
		err := unix.Renameat2(unix.AT_FDCWD, filepath.Join(whole, e.Name()), unix.AT_FDCWD, filepath.Join(data, e.Name()), unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EEXIST) {
			err = os.RemoveAll(filepath.Join(whole, e.Name()))
		}
		if err != nil {
			return err
		}
	}
	if err := fs.CopyDir(data, whole); err != nil { // it is empty: owner, mode and attributes
		return err
	}
	return os.Remove(whole)
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
