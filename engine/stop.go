package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
	"github.com/mvrun/mvrun/runtime/oci"
)

// StopOptions is how to stop. The zero value is the container's own choice.
type StopOptions struct {
	// Timeout is how long the container has before it is killed; a negative one
	// waits for ever. nil: the container's own, else 10 s.
	Timeout *time.Duration
	Signal  unix.Signal // 0: the container's stop signal, else SIGTERM

	// shutdown: the host goes down, and the container starts again with it.
	shutdown bool
	// keep: the container starts again at once, also one that goes with its exit.
	keep bool
}

// Stop asks a container to end, has it killed when it takes too long, and returns
// when it has ended. One that does not run is stopped already. No restart policy
// undoes it. It is finished also when ctx ends before that.
func (cs *Containers) Stop(ctx context.Context, ref string, o StopOptions) error {
	id, err := find(cs.store, ref)
	if err != nil {
		return err
	}
	return stop(ctx, cs.store, id, o)
}

// Restart stops a container and starts it again. When ctx ends before that, the
// container's monitor does.
func (cs *Containers) Restart(ctx context.Context, ref string, o StopOptions) (warnings []string, err error) {
	id, err := find(cs.store, ref)
	if err != nil {
		return nil, err
	}
	o.keep = true
	if err := stop(ctx, cs.store, id, o); err != nil {
		return nil, err
	}
	_, warnings, err = start(ctx, cs.store, id, protocol.Request{})
	return warnings, err
}

func stop(ctx context.Context, store *container.Store, id string, o StopOptions) error {
	err := stopByMonitor(ctx, store, id, o)
	if errors.Is(err, client.ErrNotRunning) || errors.Is(err, client.ErrLost) {
		// The monitor died under our eyes: to load is to end what it left.
		if _, err = store.Load(id); isAny(err, container.ErrNotFound, jsonfile.ErrCorrupt) {
			return nil
		}
	}
	return err
}

func stopByMonitor(ctx context.Context, store *container.Store, id string, o StopOptions) error {
	cont, err := store.Load(id)
	if errors.Is(err, jsonfile.ErrCorrupt) {
		cont, err = &container.Container{}, nil // its monitor knows it all the same
	}
	if err != nil {
		return err
	}
	if o, err = o.completed(&cont.Config); err != nil {
		return err
	}
	waiting, err := client.Dial(store, id, protocol.Request{Op: protocol.OpWait, Restart: o.keep})
	if err != nil {
		return err
	}
	defer waiting.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := waiting.Wait()
		ended <- err
	}()
	if err := o.send(store, id); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // the monitor goes on: it finishes what was asked for
	}
}

// completed fills in what the caller left to the container.
func (o StopOptions) completed(c *container.Config) (StopOptions, error) {
	if o.Signal == 0 {
		sig, err := stopSignal(c)
		if err != nil {
			return o, err
		}
		o.Signal = sig
	}
	if o.Timeout == nil {
		seconds := oci.DefaultStopTimeout
		if c.StopTimeout != nil {
			seconds = *c.StopTimeout
		}
		d := time.Duration(seconds) * time.Second
		o.Timeout = &d
	}
	return o, nil
}

// stopSignal is the signal that ends the container by its own choice.
func stopSignal(c *container.Config) (unix.Signal, error) {
	if c.StopSignal == "" {
		return unix.SIGTERM, nil
	}
	sig, err := signal.ParseSignal(c.StopSignal)
	if err != nil {
		return 0, fmt.Errorf("invalid signal: %s", c.StopSignal)
	}
	return sig, nil
}

// send has the monitor end the container. That it has ended meanwhile is no error,
// nor a monitor that is gone: it takes its container with it, by the next look at
// the latest.
func (o StopOptions) send(store *container.Store, id string) error {
	err := client.Do(store, id, protocol.Request{
		Op: protocol.OpSignal, Signal: int(o.Signal), Grace: o.Timeout, Stop: true, Shutdown: o.shutdown, Keep: o.keep,
	})
	if isAny(err, client.ErrNotRunning, client.ErrLost) {
		return nil
	}
	return err
}

// killWait is how long Kill waits for a killed container to be gone.
const killWait = 10 * time.Second

// Kill sends a signal to a running container. One that is meant to end it, its
// stop signal or SIGKILL, is the user's wish, which no restart policy undoes.
// Nothing outlives SIGKILL: then Kill returns when the container has ended.
func (cs *Containers) Kill(ctx context.Context, ref string, sig unix.Signal) error {
	cont, err := cs.Get(ctx, ref)
	if err != nil {
		return err
	}
	own, err := stopSignal(&cont.Config)
	ends := sig == unix.SIGKILL || err == nil && sig == own
	req := protocol.Request{Op: protocol.OpSignal, Signal: int(sig), Stop: ends}
	if err := kill(ctx, cs.store, cont.Config.ID, req); err != nil {
		return typed(Container, ref, fmt.Errorf("cannot kill container: %s: %w", ref, err))
	}
	return nil
}

func kill(ctx context.Context, store *container.Store, id string, req protocol.Request) error {
	if unix.Signal(req.Signal) != unix.SIGKILL {
		return client.Do(store, id, req)
	}
	waiting, err := client.Dial(store, id, protocol.Request{Op: protocol.OpWait})
	if err != nil {
		return err
	}
	defer waiting.Close()
	if err := client.Do(store, id, req); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_, _ = waiting.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-time.After(killWait):
	}
	return nil
}
