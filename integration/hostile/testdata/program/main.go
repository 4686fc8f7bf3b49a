// What a hostile container does. The first argument says what, the others are
// the files that it is done to; "ready" is printed once it is done.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	do := map[string]func(path string) error{
		"lease": lease,
		"lock":  lock,
	}[os.Args[1]]
	signal.Ignore(syscall.SIGIO) // which asks for a lease back
	for _, path := range os.Args[2:] {
		go func() {
			for ; ; time.Sleep(time.Millisecond) {
				_ = do(path)
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}

// lease takes a lease on the file: for writing if it can be had, else for
// reading. It stays until the kernel takes it away, and is
// taken again then.
func lease(path string) error {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for _, kind := range []uintptr{syscall.F_WRLCK, syscall.F_RDLCK} {
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETLEASE, kind); errno == 0 {
			time.Sleep(time.Minute) // longer than the kernel's lease-break-time
			break
		}
	}
	return syscall.Close(fd)
}

// lock takes every kind of lock on the file, and keeps it.
func lock(path string) error {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_ = syscall.Flock(fd, syscall.LOCK_EX)
	const setOFDLock = 37 // F_OFD_SETLK
	all := syscall.Flock_t{Type: syscall.F_WRLCK}
	_ = syscall.FcntlFlock(uintptr(fd), setOFDLock, &all)
	time.Sleep(time.Hour)
	return nil
}
