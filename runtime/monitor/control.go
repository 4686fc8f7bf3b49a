package monitor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// control passes signals, and pauses.
type control struct {
	*base
	freezing turn // to pause and to unpause
}

// signal passes a signal to the container's first process. With req.Stop it is to end
// the container: no run follows, a start that is under way is given up, and after
// req.Grace the monitor itself sends SIGKILL, whatever has become of the client.
func (c *control) signal(req protocol.Request) error {
	var r *run
	var err error
	frozen := false
	c.ask(func(s *state) {
		r = s.run
		if req.Stop {
			s.stop(req)
		}
		frozen, err = s.signal(unix.Signal(req.Signal), req.Stop)
	})
	if err != nil {
		return err
	}
	if req.Stop && req.Grace != nil && *req.Grace >= 0 && r != nil {
		c.tasks.spawn(func(context.Context) { c.killAfter(r, *req.Grace) })
	}
	if frozen {
		return c.thaw()
	}
	return nil
}

// thaw unpauses a container that is to take a signal: a frozen process takes none.
func (c *control) thaw() error {
	err := c.unpause()
	if errors.Is(err, errNotPaused) || errors.Is(err, errNotLive) {
		return nil // somebody else was faster, or it has ended
	}
	return err
}

// killAfter kills the run's program unless it ends in time.
func (c *control) killAfter(r *run, grace time.Duration) {
	if !sleep(c.clock, r.ctx.Done(), grace) {
		return
	}
	frozen := false
	c.ask(func(s *state) {
		if !s.live(r) {
			return
		}
		var err error
		if frozen, err = s.signal(unix.SIGKILL, true); err != nil {
			complain(err)
		}
	})
	if frozen {
		if err := c.thaw(); err != nil {
			complain(err)
		}
	}
}

// stop notes that the user wants the container to end.
func (s *state) stop(req protocol.Request) {
	s.keep = s.keep || req.Keep
	if !s.stopWanted() {
		s.shutdown = req.Shutdown
		close(s.stopping)
	}
	if s.run != nil && s.run.phase == starting {
		s.run.cancel()
	}
}

// renew forgets that the user wanted the container to end: it is run again.
func (s *state) renew() {
	s.stopping = make(chan struct{})
	s.keep, s.shutdown, s.again = false, false, false
	s.record.RestartCount = -1 // this restart is not one of the policy's
}

// clientLeft notes that a client is gone which wanted to start the container again.
func (c *control) clientLeft() {
	c.ask(func(s *state) { s.again = s.stopWanted() && s.keep && !s.ended })
}

// signal sends the signal; frozen says that it arrives only once the container is
// thawed, and that it shall arrive.
func (s *state) signal(sig unix.Signal, stop bool) (frozen bool, err error) {
	if s.run == nil || s.run.phase != running {
		if stop {
			return false, nil // there will be no other run
		}
		return false, s.named(errNotLive)
	}
	if sig == 0 {
		return false, nil
	}
	s.emit("kill", map[string]string{"signal": strconv.Itoa(int(sig))})
	err = s.run.instance.Signal(sig)
	if err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, unix.ESRCH) {
		return false, fmt.Errorf("send signal %d: %w", int(sig), err)
	}
	return s.record.Status == container.Paused && (stop || sig == unix.SIGKILL), nil
}

// pause freezes the container. It may take a while, so that it is not for the owner.
func (c *control) pause() error {
	release := c.freezing.take()
	defer release()
	r, err := c.freezable(false)
	if err != nil {
		return err
	}
	if err := r.instance.Pause(); err != nil {
		return fmt.Errorf("pause container: %w", err)
	}
	return c.frozen(r, container.Paused, "pause")
}

// unpause thaws it.
func (c *control) unpause() error {
	release := c.freezing.take()
	defer release()
	r, err := c.freezable(true)
	if err != nil {
		return err
	}
	if err := r.instance.Resume(); err != nil {
		return fmt.Errorf("resume container: %w", err)
	}
	return c.frozen(r, container.Running, "unpause")
}

// freezable is the run, if its program runs and is paused, or is not.
func (c *control) freezable(paused bool) (r *run, err error) {
	c.ask(func(s *state) {
		r = s.run
		live := r != nil && r.phase == running
		is := live && s.record.Status == container.Paused
		switch {
		case paused && !is:
			err = s.named(errNotPaused)
		case !live:
			err = s.named(errNotLive)
		case !paused && is:
			err = s.named(errPaused)
		}
	})
	return r, err
}

// frozen records that the run was paused or unpaused.
func (c *control) frozen(r *run, status container.Status, action string) (err error) {
	stop := false
	c.ask(func(s *state) {
		if !s.live(r) {
			return // it has ended meanwhile
		}
		s.record.Status = status
		s.emit(action, nil)
		err = s.handle.WriteState(s.record)
		stop = status == container.Paused && s.stopWanted()
	})
	if stop { // the signal came while it was being frozen
		c.tasks.spawn(func(context.Context) {
			if err := c.thaw(); err != nil {
				complain(err)
			}
		})
	}
	return err
}
