package kernel

import (
	"sync"

	"golang.org/x/sys/unix"
)

// RecursiveReadOnly tells whether the kernel has mount_setattr(2).
var RecursiveReadOnly = sync.OnceValue(func() bool {
	// An empty attribute set on an invalid descriptor: ENOSYS or another no.
	err := unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{})
	return err != unix.ENOSYS
})

// KernelRelease is what uname -r prints.
func KernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
