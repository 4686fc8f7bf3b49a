package engine

import (
	"context"
	"strconv"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
)

// Sample is what a container has used at one moment since its start. How busy
// it is follows from two of them.
type Sample struct {
	kernel.Usage
	Received, Sent uint64 // bytes through its network namespace
}

// Sample reads a container's counters. One that does not run, or ends just now,
// has used nothing.
func (cs *Containers) Sample(_ context.Context, c *container.Container) (s Sample) {
	if !c.State.Status.Live() {
		return s
	}
	usage, err := kernel.Of(cs.store).Usage(c.Config.ID)
	if err != nil {
		return s
	}
	s.Usage = usage
	if c.Config.Network.Mode != network.Host {
		s.Received, s.Sent, _ = trunk.Traffic("/proc/" + strconv.Itoa(c.State.Init.Pid) + "/ns/net")
	}
	return s
}
