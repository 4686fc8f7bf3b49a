package monitor

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// tasks are the monitor's goroutines. Each belongs to the group, gets its context
// and must return once that ends.
type tasks struct {
	group  *errgroup.Group
	ctx    context.Context
	cancel context.CancelFunc
}

func newTasks(parent context.Context) *tasks {
	ctx, cancel := context.WithCancel(parent)
	group, ctx := errgroup.WithContext(ctx)
	return &tasks{group, ctx, cancel}
}

// spawn starts a task. Tasks report to the owner of the state; there is no error of
// one that would end the others.
func (t *tasks) spawn(task func(ctx context.Context)) {
	t.group.Go(func() error {
		task(t.ctx)
		return nil
	})
}

// end ends all tasks and waits for them.
func (t *tasks) end() error {
	t.cancel()
	return t.group.Wait()
}

// turn is a right that one task has at a time. Nobody who has it waits for another
// turn.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn; release gives it back.
func (t turn) take() (release func()) {
	t <- struct{}{}
	return func() { <-t }
}
