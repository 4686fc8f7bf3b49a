package engine

import (
	"context"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
)

// EventsOptions say which events are wanted.
type EventsOptions struct {
	Since, Until time.Time                  // a zero Until goes on for ever
	Wanted       func(container.Event) bool // nil: all
}

// Events calls each with the events there are, and with those that come, until
// Until or the end of the context, neither of which is an error.
func (e *Engine) Events(ctx context.Context, o EventsOptions, each func(container.Event) error) error {
	if !o.Until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Until)
		defer cancel()
	}
	return e.store.Events().Follow(ctx, func(ev container.Event) error {
		if ev.Time.Before(o.Since) || !o.Until.IsZero() && ev.Time.After(o.Until) || o.Wanted != nil && !o.Wanted(ev) {
			return nil
		}
		return each(ev)
	})
}
