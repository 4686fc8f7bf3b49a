package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// defaultSignals gives every signal that our caller ignores its default
// action, since a program keeps what is ignored through execve(2), and so
// would the container. os/signal can't: it hands back what it found.
//
// It is for a process that is about to become another program: the Go runtime
// does not hear of it.
func defaultSignals() {
	// struct sigaction of the kernel, with room for every architecture's
	// fields: the handler comes first, and all zero is the default.
	type sigaction [8]uint64
	const ignored, setSize = 1, 8 // SIG_IGN; bytes of the kernel's sigset_t
	for sig := uintptr(1); sig <= 64; sig++ {
		var now, byDefault sigaction
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&now)), setSize, 0, 0)
		if errno == 0 && now[0] == ignored {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&byDefault)), 0, setSize, 0, 0)
		}
	}
}
