package main

import (
	"errors"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// changeContainer has the container's monitor do it, or, without one, does it under
// the container's lock.
func changeContainer(store *runtime.Store, id string, req protocol.Request, stopped func(*runtime.Handle) error) (warnings []string, err error) {
	for {
		warnings, err := client.Ask(store, id, req)
		if !errors.Is(err, client.ErrNotRunning) {
			return warnings, err
		}
		h, err := lockStopped(store, id)
		if errors.Is(err, errAlreadyRunning) {
			continue // started meanwhile
		}
		if err != nil {
			return nil, err
		}
		return nil, errors.Join(stopped(h), h.Close())
	}
}
