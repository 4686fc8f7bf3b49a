package monitor

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
)

// The methods here are called with the monitor's lock held.

// signal passes a signal to the container's first process. One that shall
// end the container also ends its restarts.
func (m *Monitor) signal(sig unix.Signal, stop, shutdown bool) error {
	if stop && !m.stopped() {
		m.shutdown = shutdown
		close(m.stopping)
	}
	if m.instance == nil {
		if stop {
			return nil // between two lives: there will be no next
		}
		return m.named(errNotLive)
	}
	if sig == 0 {
		return nil
	}
	m.emit("kill", map[string]string{"signal": strconv.Itoa(int(sig))})
	if err := m.instance.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send signal %d: %w", int(sig), err)
	}
	if m.state.Status == container.Paused && (stop || sig == unix.SIGKILL) {
		return m.unpause() // a frozen process takes no signal
	}
	return nil
}

func (m *Monitor) pause() error {
	switch {
	case m.instance == nil:
		return m.named(errNotLive)
	case m.state.Status == container.Paused:
		return m.named(errPaused)
	}
	if err := m.instance.Pause(); err != nil {
		return fmt.Errorf("pause container: %w", err)
	}
	m.state.Status = container.Paused
	m.emit("pause", nil)
	return m.handle.WriteState(m.state)
}

func (m *Monitor) unpause() error {
	if m.instance == nil || m.state.Status != container.Paused {
		return m.named(errNotPaused)
	}
	if err := m.instance.Resume(); err != nil {
		return fmt.Errorf("resume container: %w", err)
	}
	m.state.Status = container.Running
	m.emit("unpause", nil)
	return m.handle.WriteState(m.state)
}

func (m *Monitor) named(err error) error {
	return fmt.Errorf("container %s %w", *m.name.Load(), err)
}
