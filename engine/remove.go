package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
)

// RemoveOptions is how to remove a container.
type RemoveOptions struct {
	Force   bool // kill one that runs first, and remove one whose record is damaged
	Volumes bool // remove its anonymous volumes too
}

// Remove makes a container and all that it held go. With Force, one that went
// by itself meanwhile is no error; one that there was not in the first place is
// a NotFound all the same.
func (cs *Containers) Remove(ctx context.Context, ref string, o RemoveOptions) error {
	id, err := find(cs.store, ref)
	if err != nil {
		return err
	}
	h, cont, err := lockForRemoval(ctx, cs.store, id, o.Force)
	if errors.Is(err, container.ErrNotFound) && o.Force {
		return nil
	}
	if err != nil {
		return typed(Container, ref, err)
	}
	if cont != nil && (o.Volumes || cont.Config.AutoRemove) {
		if err := cs.store.Volumes().RemoveAnonymous(&cont.Config); err != nil {
			return errors.Join(err, h.Close())
		}
	}
	return h.Remove()
}

// lockForRemoval takes the lock of a container, with force after killing it. A
// container whose record is damaged is nil, and can be removed by force alone.
func lockForRemoval(ctx context.Context, store *container.Store, id string, force bool) (*container.Handle, *container.Container, error) {
	at := time.Duration(0)
	for deadline := time.Now().Add(settle); ; {
		cont, err := store.Load(id)
		if errors.Is(err, container.ErrNotFound) || err != nil && !force {
			return nil, nil, err
		}
		if cont != nil && cont.State.Status.Live() && !force {
			err := fmt.Errorf("cannot remove container %q: container is %s: stop the container before removing or force remove", cont.Config.Name, cont.State.Status)
			return nil, nil, &InUse{Kind: Container, Ref: cont.Config.Name, Err: err}
		}
		if cont == nil || cont.State.Status.Live() {
			if err := stop(ctx, store, id, StopOptions{Timeout: &at, Signal: unix.SIGKILL}); err != nil {
				return nil, nil, err
			}
		}
		h, err := store.Lock(id)
		if err == nil {
			return h, cont, nil
		}
		if !errors.Is(err, container.ErrRunning) || time.Now().After(deadline) {
			return nil, nil, err
		}
		// It is starting, or ending, or being looked after.
		if err := pause(ctx, busyAgain); err != nil {
			return nil, nil, err
		}
	}
}

// Removed is what a removal of many did. Errs are of those that stay.
type Removed struct {
	IDs   []string
	Freed int64 // bytes
	Errs  []error
}

// Prune removes those of the containers that don't run.
func (cs *Containers) Prune(ctx context.Context, list []*container.Container) (done Removed) {
	for _, cont := range list {
		if cont.State.Status.Live() {
			continue
		}
		size := cs.store.WritableSize(cont.Config.ID)
		if err := cs.Remove(ctx, cont.Config.ID, RemoveOptions{}); err != nil {
			done.Errs = append(done.Errs, err)
			continue
		}
		done.IDs, done.Freed = append(done.IDs, cont.Config.ID), done.Freed+size
	}
	return done
}
