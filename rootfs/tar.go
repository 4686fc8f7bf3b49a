package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/containerd/containerd/v2/pkg/archive"
	change "github.com/containerd/continuity/fs"
	"golang.org/x/sys/unix"
)

// mountPoints are the files that mvrun mounts over. Where the image has none,
// the container's writable layer has empty ones: they are no change.
var mountPoints = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}

// WriteDiff writes a container's writable layer as a layer tarball, deletions as
// OCI whiteouts (image-spec, layer.md).
func WriteDiff(ctx context.Context, w io.Writer, upper string) error {
	return writeTar(ctx, w, upper, func(path string, fi os.FileInfo, write change.ChangeFunc) (bool, error) {
		switch {
		case fi.Mode().IsRegular() && fi.Size() == 0 && slices.Contains(mountPoints, path):
			return true, nil
		case isWhiteout(fi):
			return true, write(change.ChangeKindDelete, path, nil, nil)
		case fi.IsDir() && isOpaque(filepath.Join(upper, path)):
			if err := write(change.ChangeKindAdd, path, fi, nil); err != nil {
				return true, err
			}
			// The writer puts .wh. before the name: this is .wh..wh..opq.
			return true, write(change.ChangeKindDelete, filepath.Join(path, ".wh..opq"), nil, nil)
		}
		return false, nil
	})
}

// WriteTree writes the whole tree as a tarball.
func WriteTree(ctx context.Context, w io.Writer, root string) error {
	return writeTar(ctx, w, root, func(string, os.FileInfo, change.ChangeFunc) (bool, error) { return false, nil })
}

// writeTar writes every file below root that special does not say is done.
func writeTar(ctx context.Context, w io.Writer, root string, special func(path string, fi os.FileInfo, write change.ChangeFunc) (done bool, err error)) error {
	out := archive.NewChangeWriter(w, root)
	err := filepath.Walk(root+"/.", func(path string, fi os.FileInfo, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone meanwhile: the container may run
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		if err := checkOwnContent(path, rel); err != nil {
			return err
		}
		done, err := special("/"+rel, fi, out.HandleChange)
		if err != nil || done {
			return err
		}
		return out.HandleChange(change.ChangeKindAdd, "/"+rel, fi, nil)
	})
	if err != nil {
		return fmt.Errorf("write tarball: %w", err)
	}
	return out.Close()
}

// pointers are the attributes of what is not itself in the writable layer.
var pointers = []string{"trusted.overlay.redirect", "trusted.overlay.metacopy"}

// checkOwnContent refuses what an overlay mounted by others, with other options,
// left in the layer: its content would be lost.
func checkOwnContent(path, name string) error {
	for _, attr := range pointers {
		if _, err := unix.Lgetxattr(path, attr, nil); err == nil {
			return fmt.Errorf("the content of /%s is not in the container's own layer (it has the attribute %s)", name, attr)
		}
	}
	return nil
}

func isWhiteout(fi os.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && fi.Mode()&os.ModeCharDevice != 0 && st.Rdev == 0
}

func isOpaque(dir string) bool {
	buf := make([]byte, 1)
	n, err := unix.Lgetxattr(dir, opaqueXattr, buf)
	return err == nil && n == 1 && buf[0] == 'y'
}
