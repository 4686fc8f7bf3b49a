package doctor

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// onThread calls f on a thread of its own, which ends with f: what f did to
// the thread does to no other code.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		// The main thread does not end with its goroutine, and /proc/self shows
		// its namespaces: f shall have another one.
		if unix.Gettid() == os.Getpid() {
			done <- onThread(f)
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}
