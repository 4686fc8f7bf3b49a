package engine

import (
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// prestart begins what every start of a container needs while its configuration
// is still being made: the first write to a cgroup waits for an RCU grace
// period, a network namespace takes the kernel a while, and the monitor has to
// boot. Exactly one of Start and Cancel must follow.
func prestart(store *container.Store, h *container.Handle) *client.Spawned {
	return client.Prepare().Spawn(h, protocol.StoreArgs(store))
}
