package filter

import (
	"strings"

	"github.com/mvrun/mvrun/runtime/container"
)

// Events are the keys of events.
func Events() Keys[container.Event] {
	return Keys[container.Event]{
		"container": text(func(e container.Event, v string) bool {
			return e.Name == v || v != "" && strings.HasPrefix(e.ID, v)
		}),
		"event": text(func(e container.Event, v string) bool { return e.Action == v }),
		"type":  text(func(e container.Event, v string) bool { return e.Type == v }),
	}
}
