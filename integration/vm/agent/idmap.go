package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Users 0 to 65535 of the directory show as those from idmapFirst on.
const (
	idmapFirst = 100_000
	idmapCount = 65_536
)

// idmap mounts the directory from at to with other owners (mount_setattr(2),
// MOUNT_ATTR_IDMAP), for which mount(8) of older Debians has no option. It does
// not return when it succeeds.
func idmap(from, to string) error {
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: idmapFirst, Size: idmapCount}}
	holder := exec.Command("sleep", "1000") // the mapping is that of its user namespace
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
	if err := holder.Start(); err != nil {
		return fmt.Errorf("start a process in a user namespace: %w", err)
	}
	defer holder.Process.Kill()
	users, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid))
	if err != nil {
		return err
	}
	defer users.Close()
	tree, err := unix.OpenTree(unix.AT_FDCWD, from, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open %s: %w", from, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(users.Fd())}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("map the owners of %s: %w", from, err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, to, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount on %s: %w", to, err)
	}
	holder.Process.Kill()
	os.Exit(0)
	return nil
}
