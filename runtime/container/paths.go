package container

import (
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// LogPath is the container's log.
func (s *Store) LogPath(id string) string { return filepath.Join(s.Dir(id), "log") }

// RecursiveReadOnly tells whether the kernel has mount_setattr(2).
var RecursiveReadOnly = sync.OnceValue(func() bool {
	// An empty attribute set on an invalid descriptor: ENOSYS or another no.
	err := unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{})
	return err != unix.ENOSYS
})

// WritableSize is how many bytes the container's own files take.
func (s *Store) WritableSize(id string) (bytes int64) {
	_ = filepath.WalkDir(filepath.Join(s.Dir(id), "upper"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // what vanishes under us counts no more
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}

// KernelRelease is what uname -r prints.
func KernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
