package kernel

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// dieWithMonitor ties the container's first process to its monitor, of whom it
// is a child: when that is killed, the kernel kills the container
// (PR_SET_PDEATHSIG), and with its first process all of it. libcontainer's own
// ParentDeathSignal is set a fork too early to hold.
//
// The setting is the thread's. libcontainer keeps it over the change of user,
// and the thread that executes the program is this one.
func dieWithMonitor() {
	if os.Getenv("_LIBCONTAINER_INITTYPE") != "standard" {
		return
	}
	runtime.LockOSThread()
	// Without it a killed monitor's container is ended by the next command.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}

// goWithClient ends exec's process with the command that starts it, until it has
// become the program: what an init that hangs holds are nearly all capabilities.
// The program itself may outlive the command. So it is another thread that asks
// for the signal: execve(2) ends that, and the setting with it. A change of user
// clears the setting of every thread, hence the repetition.
func goWithClient() {
	if os.Getenv("_LIBCONTAINER_INITTYPE") != "setns" {
		return
	}
	go func() {
		runtime.LockOSThread()
		for ; ; time.Sleep(50 * time.Millisecond) {
			_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
		}
	}()
}
