package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/continuity/fs"
	"golang.org/x/sys/unix"
)

const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"
	opaqueXattr    = "trusted.overlay.opaque"
)

// whiteouts turns the marks of one layer tarball into overlayfs' own: a deleted
// name is a character device 0/0, an opaque directory has an attribute (kernel,
// Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
//
// A whiteout speaks of the layers below. If its own layer has the name too, in
// whatever order, the name stays (OCI image-spec, layer.md, "Whiteouts"); a
// directory then hides what is below.
type whiteouts struct {
	root  string
	paths map[string]bool // devices made here
	// opaque are the directories that hide what is below anyway: a device in one
	// would be a name that can be listed and not looked at.
	opaque map[string]bool
}

// convert handles the entry that is about to be written to path, whose parents
// are resolved, and reports whether it is to be written as it is.
func (w *whiteouts) convert(_ *tar.Header, path string) (bool, error) {
	dir, base := filepath.Split(path)
	if base == opaqueName {
		return false, w.hideBelow(filepath.Clean(dir))
	}
	name, ok := strings.CutPrefix(base, whiteoutPrefix)
	if !ok {
		return true, nil
	}
	if strings.HasPrefix(name, whiteoutPrefix) {
		return false, nil // AUFS' own bookkeeping (.wh..wh.plnk and such)
	}
	if w.opaque[filepath.Clean(dir)] {
		return false, nil
	}
	target := filepath.Join(dir, name)
	fi, err := os.Lstat(target)
	switch {
	case err == nil && fi.IsDir():
		return false, w.hideBelow(target)
	case err == nil:
		return false, nil
	case !errors.Is(err, os.ErrNotExist):
		return false, err
	}
	w.paths[target] = true
	return false, unix.Mknod(target, unix.S_IFCHR, 0)
}

// reopen makes a directory of each whiteout that the entry, named as in the
// tarball, is about to replace by a directory or to lie in.
func (w *whiteouts) reopen(hdr *tar.Header) error {
	if len(w.paths) == 0 {
		return nil
	}
	path := filepath.Join(w.root, filepath.Join("/", hdr.Name))
	if hdr.Typeflag != tar.TypeDir {
		path = filepath.Dir(path)
	}
	for ; len(path) > len(w.root); path = filepath.Dir(path) {
		if !w.paths[path] {
			continue
		}
		delete(w.paths, path)
		// A later entry may have replaced it, or a directory above it by a link that
		// leads to another one's device, outside even.
		if real, err := fs.RootPath(w.root, path[len(w.root):]); err != nil || real != path {
			continue
		}
		if fi, err := os.Lstat(path); err != nil || fi.Mode()&os.ModeCharDevice == 0 {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		if err := mkdir(path); err != nil {
			return err
		}
		if err := w.hideBelow(path); err != nil {
			return err
		}
	}
	return nil
}

// hideBelow makes the directory opaque, and removes the whiteouts in it, which have
// nothing left to hide.
func (w *whiteouts) hideBelow(dir string) error {
	w.opaque[dir] = true
	for path := range w.paths {
		if filepath.Dir(path) != dir {
			continue
		}
		delete(w.paths, path)
		if fi, err := os.Lstat(path); err != nil || fi.Mode()&os.ModeCharDevice == 0 {
			continue // a later entry has replaced it
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return setOpaque(dir)
}

func setOpaque(dir string) error {
	if err := unix.Lsetxattr(dir, opaqueXattr, []byte{'y'}, 0); err != nil {
		return fmt.Errorf("mark %s opaque: %w", dir, err)
	}
	return nil
}
