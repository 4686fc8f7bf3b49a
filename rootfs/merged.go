package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// OpenMerged opens the tree that the directories (topmost first) make together,
// for reading, without mounting it where anyone sees it: the mount lives as long
// as the file is open. Paths below it begin with /proc/self/fd/N.
func OpenMerged(dirs []string) (*os.File, error) {
	if len(dirs) == 1 {
		return os.Open(dirs[0])
	}
	fd, err := detachedOverlay(dirs)
	if errors.Is(err, errNoLowerdirPlus) {
		fd, err = privateOverlay(dirs)
	}
	if err != nil {
		return nil, fmt.Errorf("open merged layers: %w", err)
	}
	return os.NewFile(uintptr(fd), "overlay"), nil
}

func detachedOverlay(dirs []string) (int, error) {
	fs, err := configureOverlay(dirs)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(mnt)
	return unix.Openat(mnt, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// privateOverlay is for kernels before 6.5: it mounts in a mount namespace that
// ends with its thread. The open directory keeps the mount (umount(2),
// MNT_DETACH).
func privateOverlay(dirs []string) (fd int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with its namespace
		fd, err = func() (int, error) {
			if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
				return -1, err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return -1, err
			}
			target := filepath.Dir(dirs[0])
			if err := optionsOverlay(target, dirs, "", ""); err != nil {
				return -1, err
			}
			return unix.Open(target, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		}()
	}()
	<-done
	return fd, err
}
