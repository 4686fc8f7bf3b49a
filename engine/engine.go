package engine

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
)

// Options say where an engine keeps what it knows. All of them are needed.
type Options struct {
	Root  string // absolute: images, containers, networks and volumes
	State string // absolute: what is gone after a reboot
	// CgroupParent is the cgroup, absolute in every hierarchy, that those of
	// containers are made in by the cgroupfs driver.
	CgroupParent string
	CgroupDriver string // auto, cgroupfs or systemd
}

// Engine is the use cases of a container engine over one root and one state
// directory. It keeps nothing in memory that is not on disk: any number of
// engines, in any number of processes, may work on the same directories.
type Engine struct {
	Containers *Containers
	Images     *Images
	Networks   *Networks
	Volumes    *Volumes

	// Unfinished is what commands that were killed left undone and Open could
	// not finish; nil if there is none. It keeps nothing else from working.
	Unfinished error

	store *container.Store
}

// Open makes the directories ready, finishes what killed commands left undone,
// and returns the engine over them. It needs root.
func Open(o Options) (*Engine, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("must be run as root: containers need mounts, namespaces and a real NIC; use sudo")
	}
	store := &container.Store{Layout: container.Layout{Root: o.Root, State: o.State}, CgroupParent: o.CgroupParent, CgroupDriver: o.CgroupDriver}
	kernel.Serve(store)
	unfinished, err := store.Open()
	if err != nil {
		return nil, err
	}
	return &Engine{
		Containers: &Containers{store},
		Images:     &Images{store},
		Networks:   &Networks{store},
		Volumes:    &Volumes{store},
		Unfinished: unfinished,
		store:      store,
	}, nil
}

// Store is the records behind the engine, for those who only look: views of
// containers, the topology, the doctor.
func (e *Engine) Store() *container.Store { return e.store }

// lookAgain is how often a state is looked at that nobody announces.
const lookAgain = 20 * time.Millisecond

// pause waits for d, or returns why the context ended before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
