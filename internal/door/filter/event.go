package filter

import (
	"strings"

	"github.com/mvrun/mvrun/runtime"
)

// Events are the keys of events.
func Events() Keys[runtime.Event] {
	return Keys[runtime.Event]{
		"container": text(func(e runtime.Event, v string) bool {
			return e.Name == v || v != "" && strings.HasPrefix(e.ID, v)
		}),
		"event": text(func(e runtime.Event, v string) bool { return e.Action == v }),
		"type":  text(func(e runtime.Event, v string) bool { return e.Type == v }),
	}
}
