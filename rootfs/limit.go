package rootfs

import (
	"archive/tar"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// limit makes reads after max bytes an error; 0 is no limit.
func limit(r io.Reader, max int64) io.Reader {
	if max <= 0 {
		return r
	}
	return &limited{r, max}
}

type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, ErrTooBig
	}
	return n, err
}

// room refuses files before they are written. A sparse one takes a kilobyte of
// the tarball and holds terabytes, which are written out.
type room struct {
	dir       string
	max, used int64
}

// bigFile is from what size on a file is compared with the free disk: asking for
// each would cost more than it saves.
const bigFile = 256 << 20

func (r *room) take(hdr *tar.Header) error {
	r.used += hdr.Size
	if r.max > 0 && (r.used > r.max || hdr.Size > r.max) {
		return ErrTooBig
	}
	if hdr.Size < bigFile {
		return nil
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(r.dir, &disk); err != nil {
		return err
	}
	if free := int64(disk.Bavail) * disk.Bsize; hdr.Size > free {
		return fmt.Errorf("%q has %d bytes, the disk %d free: %w", hdr.Name, hdr.Size, free, unix.ENOSPC)
	}
	return nil
}
