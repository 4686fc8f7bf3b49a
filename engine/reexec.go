package engine

import (
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor"
)

// Reexec is for the first line of main, and of TestMain. It does not return
// where this process is a container's first one or its monitor, for which the
// engine executes its own program anew.
func Reexec() {
	kernel.Reexec()
	kernel.ShowCgroups()
	monitor.Reexec()
}
