package container

import (
	"time"

	"github.com/mvrun/mvrun/network"
)

// Status is a container's state in Docker's words.
type Status string

// The states. A container is live from running to restarting.
const (
	Created    Status = "created"
	Running    Status = "running"
	Paused     Status = "paused"
	Restarting Status = "restarting"
	Removing   Status = "removing"
	Exited     Status = "exited"
	Dead       Status = "dead"
)

// Live tells whether a container of this state has a monitor.
func (s Status) Live() bool { return s == Running || s == Paused || s == Restarting }

func (s Status) known() bool {
	return s.Live() || s == Created || s == Removing || s == Exited || s == Dead
}

// State is what became of a container. Only the holder of its monitor lock
// writes it.
type State struct {
	Status       Status    `json:"status"`
	Init         Process   `json:"init"` // pid 1 of the container, as the host sees it
	Monitor      Process   `json:"monitor"`
	StartedAt    time.Time `json:"startedAt"`
	FinishedAt   time.Time `json:"finishedAt"`
	ExitCode     int       `json:"exitCode"`
	OOMKilled    bool      `json:"oomKilled,omitempty"`
	Error        string    `json:"error,omitempty"`
	RestartCount int       `json:"restartCount,omitempty"`
	// StoppedByUser keeps a restart policy from undoing a stop.
	StoppedByUser bool                 `json:"stoppedByUser,omitempty"`
	Attachments   []network.Attachment `json:"attachments,omitempty"`
	// Conflicts are the hosts that used an address of the container since its
	// start, each with its latest packet.
	Conflicts []network.Conflict `json:"conflicts,omitempty"`
}

// StartError is a process that could not be started; Code is Docker's exit
// code for it.
type StartError struct {
	Code int
	Err  error
}

func (e *StartError) Error() string { return e.Err.Error() }
func (e *StartError) Unwrap() error { return e.Err }
