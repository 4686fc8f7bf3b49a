package rootfs

import (
	"fmt"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// sizeXattr is on a layer's top directory, where overlayfs shows the writable
// layer's attributes and never this one.
const sizeXattr = "trusted.mvrun.size"

func recordSize(dir string, size int64) error {
	if err := unix.Setxattr(dir, sizeXattr, []byte(strconv.FormatInt(size, 10)), 0); err != nil {
		return fmt.Errorf("record the layer's size: %w", err)
	}
	return nil
}

// SizeOf is what the files of these unpacked layers' directories hold together,
// in bytes; one without a record counts for nothing.
func SizeOf(layers []string) (sum int64) {
	for _, dir := range layers {
		size, _ := recordedSize(dir)
		sum += size
	}
	return sum
}

// Size is what the files of an unpacked layer hold, in bytes; ok is false for a
// layer that is not unpacked.
func (s *Store) Size(id v1.Hash) (size int64, ok bool) {
	return recordedSize(s.path(id))
}

func recordedSize(dir string) (size int64, ok bool) {
	buf := make([]byte, 32)
	n, err := unix.Getxattr(dir, sizeXattr, buf)
	if err != nil {
		return 0, false
	}
	size, err = strconv.ParseInt(string(buf[:n]), 10, 64)
	return size, err == nil
}
