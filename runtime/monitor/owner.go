package monitor

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/mvrun/mvrun/runtime/container"
)

// owner is the only goroutine that reads and changes the monitor's state. All others
// ask it. What it is asked to do must not wait for anything but the disk.
type owner struct {
	calls chan call
	ended chan struct{}
}

type call struct {
	do   func(*state)
	done chan struct{}
}

func newOwner() *owner {
	return &owner{calls: make(chan call), ended: make(chan struct{})}
}

// Run serves calls until the context ends.
func (o *owner) Run(ctx context.Context, s *state) {
	defer close(o.ended)
	for {
		select {
		case c := <-o.calls:
			c.do(s)
			close(c.done)
		case <-ctx.Done():
			return
		}
	}
}

// ask has the owner do something and waits until it is done; false if the monitor
// has ended instead.
func (o *owner) ask(do func(*state)) bool {
	c := call{do, make(chan struct{})}
	select {
	case o.calls <- c:
		<-c.done
		return true
	case <-o.ended:
		return false
	}
}

// state is what the owner owns.
type state struct {
	store  *container.Store
	handle *container.Handle

	config container.Config // with the name and the endpoints of today
	record container.State  // what the disk says of it

	run   *run // nil between two runs
	ended bool // there will be no more runs

	stopping chan struct{} // closed when the user wants the container to end
	keep     bool          // it will be started again: AutoRemove does not apply
	shutdown bool          // it is the host that goes down
	again    bool          // whoever wanted to start it again is gone: it is up to us
}

// live reports whether the run is the current one, and its program runs.
func (s *state) live(r *run) bool { return s.run == r && r.phase == running }

// stopWanted reports whether the user wants the container to end.
func (s *state) stopWanted() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// write writes the record. On a full disk the old one stays, and whoever reads that
// finds the monitor gone.
func (s *state) write() {
	if err := s.handle.WriteState(s.record); err != nil {
		complain(err)
	}
}

// exited records an exit, and emits it.
func (s *state) exited(status container.Status, code int, c clock) {
	s.record.Status, s.record.ExitCode, s.record.FinishedAt = status, code, c.Now()
	s.record.Attachments = nil
	s.record.StoppedByUser = s.stopWanted() && !s.shutdown
	s.write()
	s.emitExit(code)
}

func (s *state) emitExit(code int) {
	s.emit("die", map[string]string{"exitCode": strconv.Itoa(code)})
}

// emit writes an event of the container.
func (s *state) emit(action string, attributes map[string]string) {
	e := container.Event{Type: "container", Action: action, ID: s.config.ID, Name: s.config.Name, Attributes: attributes}
	if err := s.store.Events().Append(e); err != nil {
		complain(err)
	}
}

// named is an error about the container under its name of today.
func (s *state) named(err error) error {
	return fmt.Errorf("container %s %w", s.config.Name, err)
}

// complain writes to what the command that started us may still read.
func complain(err error) { fmt.Fprintln(os.Stderr, "mvrun monitor:", err) }
