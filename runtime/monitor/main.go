// Package monitor is the one small process that lives as long as a container: it
// holds the container's namespaces and mounts, its log and its clients.
//
// It is a set of tasks in one group. One of them, the owner, has the state; the
// others ask it. The goroutine of Main starts the container and waits for its end,
// run after run.
package monitor

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// A monitor's main goroutine stays on the process's first thread, so that no other
// goroutine ever runs there: whoever visits a container's network namespace does so
// on another thread. /proc/self, which is the first thread, would show that
// namespace as the process's, and libcontainer take it for the host's.
func init() {
	if slices.Contains(os.Args, protocol.Command) {
		runtime.LockOSThread()
	}
}

// Main is the life of a monitor process. It holds the lock and the socket that its
// command passed on, and returns when the container has ended for good.
func Main(store *container.Store, id string) error {
	// The kernel kills the container's first process when the thread that started it
	// ends (PR_SET_PDEATHSIG): it must be one that stays.
	runtime.LockOSThread()
	if err := checkOrigin(store, id); err != nil {
		return fmt.Errorf("%s is mvrun's own command, use run or start: %w", protocol.Command, err)
	}
	unix.CloseOnExec(protocol.LockFD)
	unix.CloseOnExec(protocol.RequestFD)
	// Our mounts are ours alone and go with us; the host's still come in.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("part from the host's mounts: %w", err)
	}
	unix.Umask(0o022)
	signals := catchSignals()
	handle := store.Adopt(id, os.NewFile(protocol.LockFD, "monitor.lock"))
	k := kernel.Of(store)
	m := newMonitor(store, handle, &systemContainer{store: store, kernel: k}, systemNetwork{store, handle}, systemClock{})
	m.tasks.spawn(signals.Run)
	m.tasks.spawn(func(context.Context) { m.leaveCgroups(k) })
	c, err := protocol.ConnOf(os.NewFile(protocol.RequestFD, "request"))
	if err != nil {
		return err
	}
	return m.Run(c)
}

// signals are those that end whole sessions and services. The monitor outlives
// them: it ends when its container has. They are caught and not ignored, since a
// program that it starts would inherit that.
type signals chan os.Signal

func catchSignals() signals {
	s := make(signals, 1)
	signal.Notify(s, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	return s
}

// Run takes the signals and does nothing about them.
func (s signals) Run(ctx context.Context) {
	for {
		select {
		case <-s:
		case <-ctx.Done():
			return
		}
	}
}
