package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// parentAgain is how often Boot looks whether a parent has appeared.
const parentAgain = 200 * time.Millisecond

// Outcome is what became of one container of many. Err is nil where all went
// well.
type Outcome struct {
	Name     string
	Warnings []string
	Err      error
}

// Boot starts what shall run after the host's start, the oldest first, each as
// soon as its parents are there, after wait at the latest. One that can't start
// does not keep the others from it: each calls report, in turn. To call it again
// changes nothing for those that run.
func (e *Engine) Boot(ctx context.Context, wait time.Duration, report func(Outcome)) error {
	all, errs := e.store.List()
	for _, err := range errs {
		report(Outcome{Err: err})
	}
	slices.Reverse(all) // the list has the newest first
	pending := slices.DeleteFunc(all, func(cont *container.Container) bool { return !startsAtBoot(cont) })
	for deadline := time.Now().Add(wait); len(pending) > 0; {
		late := !time.Now().Before(deadline)
		waiting := pending[:0]
		for _, cont := range pending {
			if missing := missingParent(cont); missing != "" && !late {
				waiting = append(waiting, cont)
			} else {
				report(bootOne(ctx, e.store, cont))
			}
		}
		if pending = waiting; len(pending) == 0 {
			break
		}
		if err := pause(ctx, parentAgain); err != nil {
			return err
		}
	}
	return nil
}

// startsAtBoot is Docker's rule: what was started once starts again by
// "always", and by "unless-stopped" unless the user stopped it.
func startsAtBoot(cont *container.Container) bool {
	if cont.State.Status.Live() || cont.State.Status == container.Created {
		return false
	}
	switch cont.Config.Restart.Name {
	case container.RestartAlways:
		return true
	case container.RestartUnlessStopped:
		return !cont.State.StoppedByUser
	}
	return false
}

// missingParent names a parent of the container that the host does not have
// (yet), or is empty.
func missingParent(cont *container.Container) string {
	for _, ep := range cont.Config.Network.Endpoints {
		if _, err := net.InterfaceByName(ep.Parent); err != nil {
			return ep.Parent
		}
	}
	return ""
}

func bootOne(ctx context.Context, store *container.Store, cont *container.Container) Outcome {
	_, warnings, err := start(ctx, store, cont.Config.ID, protocol.Request{})
	var running *AlreadyRunning
	if err != nil && !errors.As(err, &running) {
		return Outcome{Name: cont.Config.Name, Err: fmt.Errorf("start %s: %w", cont.Config.Name, err)}
	}
	return Outcome{Name: cont.Config.Name, Warnings: warnings}
}

// Shutdown stops all containers because the host goes down, all at once, since
// each may take its whole timeout; Boot starts them again. It calls report for
// each, one at a time, as soon as it has ended.
func (e *Engine) Shutdown(ctx context.Context, report func(Outcome)) {
	all, errs := e.store.List()
	for _, err := range errs {
		report(Outcome{Err: err})
	}
	var mu sync.Mutex
	var stops sync.WaitGroup
	for _, cont := range all {
		if !cont.State.Status.Live() {
			continue
		}
		stops.Go(func() {
			err := stop(ctx, e.store, cont.Config.ID, StopOptions{shutdown: true})
			if err != nil {
				err = fmt.Errorf("stop %s: %w", cont.Config.Name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			report(Outcome{Name: cont.Config.Name, Err: err})
		})
	}
	stops.Wait()
}
