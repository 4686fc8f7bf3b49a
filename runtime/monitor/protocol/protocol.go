// Package protocol is what commands and a container's monitor say to each other:
// frames over a stream socket, and between two frames descriptors. Both ends are
// the same program, so it has no version.
package protocol

import (
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

// Command is the hidden command that makes mvrun a monitor.
const Command = "monitor"

// The descriptors that a monitor is started with.
const (
	LockFD    = 3 // the container's monitor lock
	RequestFD = 4 // the socket to the command that started it
)

// Op is what a client asks for.
type Op string

// The operations.
const (
	OpStart   Op = "start"   // only from the command that started the monitor
	OpAttach  Op = "attach"  // frames of the streams, from now on
	OpWait    Op = "wait"    // only the exit
	OpSignal  Op = "signal"  // send Signal to the container's first process
	OpPause   Op = "pause"   // freeze the container
	OpUnpause Op = "unpause" // thaw it

	OpHold Op = "hold" // keep a terminal, which comes as a descriptor after the reply

	OpConnect    Op = "connect"    // add Endpoint
	OpDisconnect Op = "disconnect" // leave Endpoint's network
	OpRename     Op = "rename"     // call the container Name
)

// Request is the first frame of a client.
type Request struct {
	Op     Op   `json:"op"`
	Attach bool `json:"attach,omitempty"` // start: go on as an attached client
	Stdin  bool `json:"stdin,omitempty"`  // attach: the client sends stdin
	Stdout bool `json:"stdout,omitempty"`
	Stderr bool `json:"stderr,omitempty"`
	Size   Size `json:"size,omitzero"` // start: of the terminal
	// Config, of a start, describes a container that does not exist yet: the
	// monitor commits it when it is ready to run.
	Config   *container.Config `json:"config,omitempty"`
	Signal   int               `json:"signal,omitempty"`
	Endpoint network.Request   `json:"leg,omitzero"`
	Name     string            `json:"name,omitempty"`
	// Stop says that the user wants the container to end: it is not restarted,
	// and a paused one is thawed.
	Stop bool `json:"stop,omitempty"`
	// Grace, with Stop, is how long the container has from the signal until the
	// monitor sends SIGKILL; nil or negative: it never does.
	Grace *time.Duration `json:"grace,omitempty"`
	// Keep, with Stop, says that the container is about to be started again: it
	// is not removed, although it was created with AutoRemove.
	Keep bool `json:"keep,omitempty"`
	// Restart, of a wait, says that the client starts the container again when it has
	// ended. If the client goes away before that, the monitor does it, provided that
	// somebody has asked for the end with Keep.
	Restart bool `json:"restart,omitempty"`
	// Shutdown, with Stop, says that it is the host that goes down: once it is up
	// again, the container is started according to its restart policy.
	Shutdown bool `json:"shutdown,omitempty"`
}

// Size of a terminal in characters.
type Size struct {
	Width  uint16 `json:"w"`
	Height uint16 `json:"h"`
}

// Reply answers a request. An empty Error is success.
type Reply struct {
	Error    string   `json:"error,omitempty"`
	Code     int      `json:"code,omitempty"` // exit code for the command, with Error
	Warnings []string `json:"warnings,omitempty"`

	TakenBy network.TakenBy `json:"takenBy,omitempty"` // with Error
}

// Exit is how the container ended.
type Exit struct {
	Code int `json:"code"`
}
