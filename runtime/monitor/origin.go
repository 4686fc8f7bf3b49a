package monitor

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// checkOrigin tells a process that Spawn made from one that somebody typed,
// before it changes anything: in the host's mount namespace a monitor's first
// step would be the host's.
func checkOrigin(store *container.Store, id string) error {
	if !container.IsID(id) {
		return fmt.Errorf("%q is no container's full ID", id)
	}
	if err := isLock(protocol.LockFD, store.LockPath(id)); err != nil {
		return err
	}
	if domain, err := unix.GetsockoptInt(protocol.RequestFD, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_UNIX {
		return fmt.Errorf("descriptor %d is no socket of a command", protocol.RequestFD)
	}
	return hasOwnMounts()
}

func isLock(fd int, path string) error {
	var held, lock unix.Stat_t
	if unix.Fstat(fd, &held) != nil || unix.Stat(path, &lock) != nil || held.Dev != lock.Dev || held.Ino != lock.Ino {
		return fmt.Errorf("descriptor %d is not the container's lock", fd)
	}
	return nil
}

// hasOwnMounts is an error in our parent's mount namespace. One that can't be
// looked at, since the parent has just been killed, is not ours.
func hasOwnMounts() error {
	own, err := os.Stat("/proc/self/ns/mnt")
	if err != nil {
		return fmt.Errorf("find own mount namespace: %w", err)
	}
	parent, err := os.Stat("/proc/" + strconv.Itoa(os.Getppid()) + "/ns/mnt")
	if err == nil && os.SameFile(own, parent) {
		return errors.New("its mount namespace is its parent's")
	}
	return nil
}
