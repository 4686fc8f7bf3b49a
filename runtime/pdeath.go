package runtime

import (
	"os"
	goruntime "runtime"

	"golang.org/x/sys/unix"
)

// dieWithMonitor ties the container's first process to its monitor, of whom it
// is a child: when that is killed, the kernel kills the container
// (PR_SET_PDEATHSIG), and with its first process all of it. libcontainer's own
// ParentDeathSignal is set a fork too early to hold. A process of exec is not
// tied: its parent is a command that may end first.
//
// The setting is the thread's. libcontainer keeps it over the change of user,
// and the thread that executes the program is this one.
func dieWithMonitor() {
	if os.Getenv("_LIBCONTAINER_INITTYPE") != "standard" {
		return
	}
	goruntime.LockOSThread()
	// Without it a killed monitor's container is ended by the next command.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}
