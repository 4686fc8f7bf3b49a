package tarlimit

import (
	"archive/tar"
	"fmt"

	"golang.org/x/sys/unix"
)

// bigFile is from what size on a file is compared with the free disk: asking for
// each would cost more than it saves.
const bigFile = 256 << 20

// CheckRoom refuses a file that dir's disk has no room for, before it is written:
// a sparse one of the tarball is written out.
func CheckRoom(dir string, hdr *tar.Header) error {
	if hdr.Size < bigFile {
		return nil
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return err
	}
	if free := int64(disk.Bavail) * disk.Bsize; hdr.Size > free {
		return fmt.Errorf("%q has %d bytes, the disk %d free: %w", hdr.Name, hdr.Size, free, unix.ENOSPC)
	}
	return nil
}
