package runtime

import (
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
