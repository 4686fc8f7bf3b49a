package monitor

import (
	"os"
	"runtime"
	"slices"

	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// A monitor's main goroutine stays on the process's first thread, and so no
// other goroutine ever runs there: who visits a container's network namespace
// does it with a thread of his own, and /proc/self, which is the first thread,
// would show that namespace as the process's. libcontainer takes it for the
// host's.
func init() {
	if slices.Contains(os.Args, protocol.Command) {
		runtime.LockOSThread()
	}
}
