package engine

import (
	"errors"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
)

// Kind is what an error speaks of.
type Kind string

// The kinds.
const (
	Container Kind = "container"
	Image     Kind = "image"
	Network   Kind = "network"
	Volume    Kind = "volume"
)

// The errors that callers tell apart, by errors.As. Each carries the sentence
// for people as Err, in Docker's words where Docker has them.
type (
	// NotFound: there is no such thing.
	NotFound struct {
		Kind Kind
		Ref  string
		Err  error
	}
	// NameInUse: another one has the name.
	NameInUse struct {
		Kind Kind
		Name string
		Err  error
	}
	// InUse: something can't go, or change, while others use it.
	InUse struct {
		Kind Kind
		Ref  string
		Err  error
	}
	// NotRunning: the container has no process to work on.
	NotRunning struct {
		Ref string
		Err error
	}
	// AlreadyRunning: the container can't be started a second time.
	AlreadyRunning struct {
		Ref string
		Err error
	}
	// Paused: the container is frozen, and must go on first.
	Paused struct {
		Ref string
		Err error
	}
	// Restarting: the container is between two runs.
	Restarting struct {
		Ref string
		Err error
	}
	// Lost: the container's monitor was killed while somebody listened to it.
	// ExitCode is what was recorded as the container's end.
	Lost struct {
		ExitCode int
		Err      error
	}
)

func (e *NotFound) Error() string       { return e.Err.Error() }
func (e *NameInUse) Error() string      { return e.Err.Error() }
func (e *InUse) Error() string          { return e.Err.Error() }
func (e *NotRunning) Error() string     { return e.Err.Error() }
func (e *AlreadyRunning) Error() string { return e.Err.Error() }
func (e *Paused) Error() string         { return e.Err.Error() }
func (e *Restarting) Error() string     { return e.Err.Error() }
func (e *Lost) Error() string           { return e.Err.Error() }

func (e *NotFound) Unwrap() error       { return e.Err }
func (e *NameInUse) Unwrap() error      { return e.Err }
func (e *InUse) Unwrap() error          { return e.Err }
func (e *NotRunning) Unwrap() error     { return e.Err }
func (e *AlreadyRunning) Unwrap() error { return e.Err }
func (e *Paused) Unwrap() error         { return e.Err }
func (e *Restarting) Unwrap() error     { return e.Err }
func (e *Lost) Unwrap() error           { return e.Err }

// StartError is a process that could not be started. Code is Docker's exit code
// for it: 127 for a program that is not there, 126 for one that can't be
// executed, 125 for any other reason.
type StartError = container.StartError

// typed gives an error of the packages below the type that callers know it by.
// One that has a type already keeps it.
func typed(kind Kind, ref string, err error) error {
	switch {
	case err == nil || isTyped(err):
		return err
	case isAny(err, container.ErrNotFound, image.ErrNotFound, network.ErrNotFound, rootfs.ErrNoVolume):
		return &NotFound{Kind: kind, Ref: ref, Err: err}
	case isAny(err, container.ErrNameInUse):
		return &NameInUse{Kind: kind, Name: ref, Err: err}
	case isAny(err, network.ErrInUse, container.ErrVolumeInUse, rootfs.ErrVolumeBusy, container.ErrRunning):
		return &InUse{Kind: kind, Ref: ref, Err: err}
	case isAny(err, client.ErrNotRunning):
		return &NotRunning{Ref: ref, Err: err}
	}
	return err
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

func isTyped(err error) bool {
	var (
		notFound *NotFound
		name     *NameInUse
		used     *InUse
		stopped  *NotRunning
		running  *AlreadyRunning
		paused   *Paused
	)
	return errors.As(err, &notFound) || errors.As(err, &name) || errors.As(err, &used) ||
		errors.As(err, &stopped) || errors.As(err, &running) || errors.As(err, &paused)
}
