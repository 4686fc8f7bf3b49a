package monitor

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/network/firewall"
	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
)

// What the monitor does to the system goes through these interfaces, so that tests
// can stand in for it.

// Instance is the container's process in one run. *kernel.Instance is the real one.
type Instance interface {
	// Start makes the process, up to the moment before it becomes the program. The
	// calling thread becomes its parent.
	Start(p *specs.Process, stdio kernel.Stdio) error
	Release() error // lets it become the program
	Pid() int
	Wait() int // waits for its end and returns the exit code
	Signal(sig unix.Signal) error
	Pause() error
	Resume() error
	Kill()           // kills all of the container's processes, also while Start or Release waits for one
	OOMKilled() bool // after Wait
	Destroy() error  // kills what is left and removes the cgroup; idempotent
}

// Container is what the runs of a container share.
type Container interface {
	// Mount mounts the root file system, and fills new volumes.
	Mount(c *container.Config) error
	Unmount()
	// Instance prepares a run in the network namespace at netns; "" is the host's.
	Instance(c *container.Config, netns string) (Instance, *specs.Process, []string, error)
	// WriteFiles brings the container's files in /etc up to date.
	WriteFiles(c *container.Config, attached []network.Attachment) error
}

// Network makes the network of runs, and plans changes of it.
type Network interface {
	// Open gives a run its namespace: the one that the command has begun, if it hands
	// one over, else a new one. It is nil with the host's network.
	Open(c *container.Config, handed <-chan *prestart.Start) (Namespace, error)
	// Plan decides on one more endpoint and claims what it needs. It returns all of the
	// container's endpoints, the new one last; undo gives the claims back.
	Plan(c *container.Config, req network.Request) (eps []network.Endpoint, undo func(), err error)
	// Drop gives up the claims of endpoints that the container has left.
	Drop(c *container.Config, gone []network.Endpoint) error
	// Parent is the index of the parent interface; an error if there is none now.
	Parent(name string) (index int, err error)
	// Detach gives the container's uses of sub-interfaces back.
	Detach(id string) error
}

// Namespace is the network namespace of a run.
type Namespace interface {
	Path() string
	Allow(rules []firewall.Rule) error
	// Attach builds an endpoint. On an error nothing of it is left.
	Attach(ctx context.Context, owner network.Owner, ep network.Endpoint, h hooks) (Endpoint, error)
	// Reroute has the default routes go where the endpoints say.
	Reroute(eps []network.Endpoint) error
	Close() error
}

// Endpoint is one that stands in a run's namespace.
type Endpoint interface {
	Attachment() network.Attachment
	Start()                         // announces and guards its addresses from now on
	SetDefaultRoute(has bool) error // gives it the default route, or takes it
	Stop()                          // ends its tasks
	Undo() error                    // stops it and removes it
}

// hooks are told what happens to an endpoint, from goroutines of its own.
type hooks struct {
	conflict   func(network.Conflict)
	parentGone func()
	addresses  func(err error)               // SLAAC has changed them
	lease      func(e dhcp.Event, err error) // nil without DHCP
	prior      *dhcp.Lease                   // of the run before
}
