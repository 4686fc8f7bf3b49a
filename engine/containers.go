package engine

import (
	"context"
	"errors"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Containers is what can be done with containers. Wherever a method takes a
// ref, it is a name, an ID or a prefix of an ID that is no other's; one that
// fits none is a NotFound.
type Containers struct{ store *container.Store }

// find returns the ID that the ref means.
func find(store *container.Store, ref string) (string, error) {
	id, err := store.Resolve(ref)
	return id, typed(Container, ref, err)
}

// Get returns a container as it is now: what a killed monitor left is cleaned
// up first.
func (cs *Containers) Get(_ context.Context, ref string) (*container.Container, error) {
	id, err := find(cs.store, ref)
	if err != nil {
		return nil, err
	}
	c, err := cs.store.Load(id)
	return c, typed(Container, ref, err)
}

// List returns all containers, the newest first, and an error for each that
// can't be read: one damaged container does not hide the others.
func (cs *Containers) List(context.Context) ([]*container.Container, []error) { return cs.store.List() }

// Pause freezes all processes of a container.
func (cs *Containers) Pause(_ context.Context, ref string) error {
	return ask(cs.store, ref, protocol.Request{Op: protocol.OpPause})
}

// Unpause lets the processes of a paused container go on.
func (cs *Containers) Unpause(_ context.Context, ref string) error {
	return ask(cs.store, ref, protocol.Request{Op: protocol.OpUnpause})
}

func ask(store *container.Store, ref string, req protocol.Request) error {
	id, err := find(store, ref)
	if err != nil {
		return err
	}
	return typed(Container, ref, client.Do(store, id, req))
}

// Rename gives a container, running or not, another name. Its MAC addresses
// stay. A name that another container has is a NameInUse.
func (cs *Containers) Rename(ctx context.Context, ref, name string) error {
	id, err := find(cs.store, ref)
	if err != nil {
		return err
	}
	if err := container.CheckName(name); err != nil {
		return err
	}
	_, err = change(ctx, cs.store, id, protocol.Request{Op: protocol.OpRename, Name: name}, func(h *container.Handle) error {
		return h.Rename(name)
	})
	return typed(Container, name, err)
}

// change has the container's monitor do it, or, without one, does it under the
// container's lock.
func change(ctx context.Context, store *container.Store, id string, req protocol.Request, stopped func(*container.Handle) error) (warnings []string, err error) {
	for {
		warnings, err := client.Ask(store, id, req)
		if !errors.Is(err, client.ErrNotRunning) {
			return warnings, err
		}
		h, err := lockStopped(ctx, store, id)
		var running *AlreadyRunning
		if errors.As(err, &running) {
			continue // started meanwhile
		}
		if err != nil {
			return nil, err
		}
		return nil, errors.Join(stopped(h), h.Close())
	}
}

// Wait returns the exit code of the container's current run, or of its last
// when it has ended; 0 for one that was never started.
func (cs *Containers) Wait(ctx context.Context, ref string) (int, error) {
	id, err := find(cs.store, ref)
	if err != nil {
		return 0, err
	}
	for {
		code, err := waitOnce(ctx, cs.store, id)
		if err == nil || ctx.Err() != nil {
			return code, err
		}
		if !errors.Is(err, client.ErrLost) && !errors.Is(err, errUnreachable) {
			return 0, err
		}
		cont, err := cs.store.Load(id)
		if err != nil {
			return 0, typed(Container, ref, err)
		}
		if !cont.State.Status.Live() {
			return cont.State.ExitCode, nil
		}
		if err := pause(ctx, lookAgain); err != nil {
			return 0, err
		}
	}
}

// errUnreachable is a monitor that is not there (yet, or any more).
var errUnreachable = errors.New("monitor can't be reached")

func waitOnce(ctx context.Context, store *container.Store, id string) (int, error) {
	session, err := client.Dial(store, id, protocol.Request{Op: protocol.OpWait})
	if err != nil {
		return 0, errUnreachable
	}
	defer session.Close()
	defer context.AfterFunc(ctx, func() { session.Close() })()
	code, err := session.Wait()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return code, err
}
