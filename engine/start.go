package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// StartOptions is how to start a container that there is.
type StartOptions struct {
	Attach *Attach // nil: start it and leave it alone
}

// Start starts a stopped container. Without Attach the session is nil, and a
// container that runs already is an AlreadyRunning; with it, the session is
// attached to that one. A start that fails leaves the container as it was, with
// the reason in its state.
func (cs *Containers) Start(ctx context.Context, ref string, o StartOptions) (s *Session, warnings []string, err error) {
	id, err := find(cs.store, ref)
	if err != nil {
		return nil, nil, err
	}
	if o.Attach == nil {
		_, warnings, err = start(ctx, cs.store, id, protocol.Request{})
		return nil, warnings, err
	}
	conn, warnings, err := start(ctx, cs.store, id, o.Attach.request(true))
	var running *AlreadyRunning
	if errors.As(err, &running) {
		conn, err = client.Dial(cs.store, id, o.Attach.request(true))
	}
	if err != nil {
		return nil, warnings, typed(Container, ref, err)
	}
	return &Session{ID: id, store: cs.store, conn: conn}, warnings, nil
}

func start(ctx context.Context, store *container.Store, id string, req protocol.Request) (*client.Session, []string, error) {
	h, err := lockStopped(ctx, store, id)
	if err != nil {
		return nil, nil, err
	}
	conf, err := h.Config()
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	conn, warnings, err := prestart(store, h).Start(ctx, &conf, req)
	if err != nil {
		return nil, nil, errors.Join(err, h.StartFailed(err))
	}
	return conn, warnings, nil
}

// settle is how long a container that is neither live nor free may take to
// become one of them: somebody is starting, ending or cleaning it.
const settle = 15 * time.Second

// busyAgain is how often the lock of such a container is tried.
const busyAgain = 5 * time.Millisecond

// lockStopped takes the lock of a container that does not run; of one that does
// it is an AlreadyRunning.
func lockStopped(ctx context.Context, store *container.Store, id string) (*container.Handle, error) {
	for deadline := time.Now().Add(settle); ; {
		cont, err := store.Load(id)
		if err != nil {
			return nil, err
		}
		h, err := store.Lock(id)
		switch {
		case err == nil && cont.State.Status.Live():
			// Its monitor died since we looked: look again, and clean up.
			if err := h.HandOver(); err != nil {
				return nil, err
			}
		case err == nil:
			return h, nil
		case !errors.Is(err, container.ErrRunning):
			return nil, err
		case cont.State.Status.Live() && answers(store, id):
			name := cont.Config.Name
			return nil, &AlreadyRunning{Ref: name, Err: fmt.Errorf("%s: container is already running", name)}
		case time.Now().After(deadline):
			return nil, fmt.Errorf("container %s is busy: another command has it; try again", cont.Config.Name)
		}
		if err := pause(ctx, busyAgain); err != nil {
			return nil, err
		}
	}
}

// answers tells a monitor from one that has just been killed and still has the
// lock: the kernel takes a moment to take a process apart.
func answers(store *container.Store, id string) bool {
	err := client.Do(store, id, protocol.Request{Op: protocol.OpSignal})
	return !isAny(err, client.ErrNotRunning, client.ErrLost)
}
