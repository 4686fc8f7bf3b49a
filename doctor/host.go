package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/kernel"
)

// overlay mounts one on the file system that containers are on, in a mount
// namespace that ends with the check.
func (e *examination) overlay(context.Context) []Finding {
	dir := filepath.Join(e.Store.Dir(e.id), "doctor")
	err := onThread(func() error { return tryOverlay(dir) })
	err = errors.Join(err, os.RemoveAll(dir))
	if err != nil {
		return []Finding{{
			"overlay", Broken, fmt.Sprintf("no overlay on %s: %v", e.Store.Root, oneLine(err)),
			"every container's root file system is one",
			"use a kernel with CONFIG_OVERLAY_FS (modprobe overlay), and put --root on ext4, xfs or btrfs",
		}}
	}
	return []Finding{fine("overlay", "works on "+e.Store.Root)}
}

func tryOverlay(dir string) error {
	lower, target := filepath.Join(dir, "lower"), filepath.Join(dir, "merged")
	for _, d := range []string{dir, lower, target} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(lower, "file"), []byte("lower"), 0o600); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare mounts: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("part from the mounts: %w", err)
	}
	if err := rootfs.MountOverlay(target, []string{lower}, filepath.Join(dir, "upper"), filepath.Join(dir, "work")); err != nil {
		return err
	}
	err := copyUp(filepath.Join(target, "file"))
	return errors.Join(err, unix.Unmount(target, unix.MNT_DETACH))
}

// copyUp changes a file of the lower layer: what the upper file system must
// be able to do.
func copyUp(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(" and upper")
	return errors.Join(err, f.Close(), os.Rename(path, path+"2"))
}

func (e *examination) cgroup(context.Context) []Finding {
	version := "v1"
	if cgroups.IsCgroup2UnifiedMode() {
		version = "v2"
	}
	if kernel.Of(e.Store).CgroupDriverName() == "cgroupfs" {
		if err := e.tryCgroup(); err != nil {
			return []Finding{{
				"cgroup", Broken, fmt.Sprintf("no cgroup can be made below %s (%s): %v", e.Store.CgroupParent, version, oneLine(err)),
				"every container has one", "mount the cgroup hierarchies writable, or use --cgroup-driver systemd where systemd runs",
			}}
		}
	}
	found := []Finding{fine("cgroup", fmt.Sprintf("%s, by %s", version, kernel.Of(e.Store).CgroupDriverName()))}
	has := kernel.Controllers()
	var lacking, flags []string
	for _, c := range []struct{ name, flag string }{
		{"memory", "--memory"}, {"cpu", "--cpus"}, {"cpuset", "--cpuset-cpus"}, {"pids", "--pids-limit"},
	} {
		if !has[c.name] {
			lacking, flags = append(lacking, c.name), append(flags, c.flag)
		}
	}
	if len(lacking) > 0 {
		found = append(found, Finding{
			"limits", Warning, "no cgroup controller " + strings.Join(lacking, ", "),
			strings.Join(flags, ", ") + " can't be kept on this host", "enable it in the kernel (for memory often: cgroup_enable=memory on its command line)",
		})
	}
	return found
}

// tryCgroup makes and removes the throw-away container's cgroup, and the
// parent of all cgroups if this made it.
func (e *examination) tryCgroup() error {
	m, err := manager.New(&cgroups.Cgroup{Path: kernel.Of(e.Store).CgroupsPath(e.id), Resources: &cgroups.Resources{SkipDevices: true}})
	if err != nil {
		return err
	}
	var made []string
	for _, path := range m.GetPaths() {
		if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, os.ErrNotExist) {
			made = append(made, filepath.Dir(path))
		}
	}
	err = errors.Join(m.Apply(-1), m.Destroy())
	for _, dir := range made {
		_ = unix.Rmdir(dir) // stays if a container has come meanwhile
	}
	return err
}
