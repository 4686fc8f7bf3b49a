package rootfs

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/continuity/fs"
	"golang.org/x/sys/unix"
)

// dirTimes gives the directories of a layer that was unpacked in parts the times
// that it says they have: the library does so at the end of a part, and the next
// may write into them. They wait in a file without a name, for a layer may have
// any number.
type dirTimes struct {
	root string
	part []dirTime // of the part that is being unpacked
	file *os.File  // those of the parts before, or nil if there was none
	w    *bufio.Writer
}

type dirTime struct {
	name         string // as in the tarball
	atime, mtime int64  // nanoseconds
}

func (d *dirTimes) add(hdr *tar.Header) {
	if hdr.Typeflag != tar.TypeDir || filepath.Join("/", hdr.Name) == "/" {
		return // the layer's own directory keeps its time, as the library has it
	}
	mtime := fileTime(hdr.ModTime)
	d.part = append(d.part, dirTime{hdr.Name, max(fileTime(hdr.AccessTime), mtime), mtime})
}

// fileTime is what the library makes of a time that no file can have.
func fileTime(t time.Time) int64 {
	if t.Before(time.Unix(0, 0)) || t.After(time.Unix(0, math.MaxInt64)) {
		return 0
	}
	return t.UnixNano()
}

// endPart is for the end of each part that another follows.
func (d *dirTimes) endPart() error {
	if d.file == nil {
		// Beside the tree. What a killed one leaves there, Prune removes.
		f, err := os.CreateTemp(filepath.Dir(d.root), ".times-*")
		if err != nil {
			return err
		}
		_ = os.Remove(f.Name())
		d.file, d.w = f, bufio.NewWriter(f)
	}
	for _, t := range d.part {
		fmt.Fprintf(d.w, "%q %d %d\n", t.name, t.atime, t.mtime)
	}
	d.part = d.part[:0]
	return nil
}

// set is for the end of the layer. If that was one part, the library has done it.
func (d *dirTimes) set() error {
	if d.file == nil {
		return nil
	}
	if err := d.endPart(); err != nil {
		return err
	}
	if err := d.w.Flush(); err != nil {
		return err
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for r := bufio.NewReader(d.file); ; {
		var t dirTime
		switch _, err := fmt.Fscanf(r, "%q %d %d\n", &t.name, &t.atime, &t.mtime); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read directories' times: %w", err)
		}
		if err := d.setOne(t); err != nil {
			return fmt.Errorf("set times of %q: %w", t.name, err)
		}
	}
}

// setOne looks the name up anew: a later entry may have put anything in its
// place, also a symbolic link that leads out.
func (d *dirTimes) setOne(t dirTime) error {
	path, err := fs.RootPath(d.root, t.name)
	if err != nil {
		return nil // it leads through a file now
	}
	if fi, err := os.Lstat(path); err != nil || !fi.IsDir() {
		return nil
	}
	times := []unix.Timespec{unix.NsecToTimespec(t.atime), unix.NsecToTimespec(t.mtime)}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW)
}

func (d *dirTimes) close() {
	if d.file != nil {
		d.file.Close()
	}
}
