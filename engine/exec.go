package engine

import (
	"context"
	"fmt"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/oci"
)

// ExecOptions describe one more process of a running container. It is like the
// container's first but for what they say.
type ExecOptions struct {
	Args       []string
	Env        []string
	User       string // empty: the container's
	WorkingDir string // absolute; empty: the container's
	TTY        bool
	Privileged bool

	Detach  bool // start it and leave it alone: Streams are not used
	Streams Streams
	Size    Size // of the caller's terminal
}

// Process is a process that runs beside a container's first. The engine's
// process is its parent, and has its streams.
type Process struct{ exec *client.Exec }

// Exec starts a process in a running container; with Detach the process is nil.
// A process that could not be started is a StartError. Options that describe
// none, such as a user that the container does not know, are one of code 126.
func (cs *Containers) Exec(ctx context.Context, ref string, o ExecOptions) (*Process, error) {
	go kernel.WarmCgroups()
	cont, err := cs.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := canExec(cont); err != nil {
		return nil, err
	}
	process, err := oci.ExecProcess(cont, oci.ExecOptions{
		Args: o.Args, Env: o.Env, User: o.User, WorkingDir: o.WorkingDir, TTY: o.TTY, Privileged: o.Privileged,
		Volumes: cs.store.Volumes().Paths(&cont.Config),
	})
	if err != nil {
		return nil, &StartError{Code: 126, Err: err}
	}
	run := &client.Exec{Store: cs.store, ID: cont.Config.ID, Process: process, TTY: o.TTY}
	if o.Detach {
		return nil, run.Detached()
	}
	run.Stdin, run.Stdout, run.Stderr = o.Streams.Stdin, o.Streams.Stdout, o.Streams.Stderr
	run.DetachKeys, run.Size = o.Streams.DetachKeys, o.Size
	if err := run.Start(); err != nil {
		return nil, err
	}
	return &Process{run}, nil
}

func canExec(cont *container.Container) error {
	name := cont.Config.Name
	switch {
	case cont.State.Status == container.Paused:
		return &Paused{Ref: name, Err: fmt.Errorf("container %s is paused, unpause the container before exec", name)}
	case cont.State.Status == container.Restarting:
		return &Restarting{Ref: name, Err: fmt.Errorf("container %s is restarting, wait until the container is running", name)}
	case !cont.State.Status.Live():
		return &NotRunning{Ref: name, Err: fmt.Errorf("container %s is not running: start it first", name)}
	}
	return nil
}

// Wait returns the process's exit code when it has ended and its output is
// passed on. ErrDetached: the user typed the detach keys, and the process goes
// on.
func (p *Process) Wait() (code int, err error) { return p.exec.Wait() }

// Resize tells the process's terminal the size of the caller's.
func (p *Process) Resize(size Size) { p.exec.Resize(size) }
