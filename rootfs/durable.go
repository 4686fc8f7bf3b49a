package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// fewFiles is up to how many files are waited for one by one. The busybox that
// is built in has five: the rest of its names are hard links.
const fewFiles = 64

// syncTree waits until the disk has the tree, before a layer appears under its
// name: a power cut must leave no layer with holes, since nobody looks into it
// again. A big tree is written with the whole file system, one call for thousands
// of files. A small one is not made to wait for what others write to the same
// disk. Of one that is known to be big nothing is listed: one directory alone may
// have more names than there should be in memory.
func syncTree(dir string, big bool) error {
	if big {
		return syncWith(dir, unix.Syncfs)
	}
	paths, err := toSync(dir)
	if err != nil {
		return err
	}
	if paths == nil {
		return syncWith(dir, unix.Syncfs)
	}
	// All are started before any is waited for: they share the journal's commits.
	for _, path := range paths {
		if err := syncWith(path, startWriting); err != nil {
			return err
		}
	}
	for _, path := range paths {
		if err := syncWith(path, unix.Fsync); err != nil {
			return err
		}
	}
	return nil
}

// startWriting is a hint; what it fails at, fsync tells.
func startWriting(fd int) error {
	_ = unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	return nil
}

// toSync lists the directories and files of the tree, each file by one of its
// names, or nothing if they are many. Links and devices are in the directories.
func toSync(dir string) (paths []string, err error) {
	seen := map[uint64]bool{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		ino := fi.Sys().(*syscall.Stat_t).Ino
		if seen[ino] {
			return nil
		}
		if len(seen) == fewFiles {
			paths = nil
			return fs.SkipAll
		}
		seen[ino] = true
		paths = append(paths, path)
		return nil
	})
	return paths, err
}

func syncWith(path string, sync func(fd int) error) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return sync(int(f.Fd()))
}
