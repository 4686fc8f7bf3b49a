package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mvrun/mvrun/internal/boot"
	"github.com/mvrun/mvrun/internal/jsonfile"
)

// beginning is the prefix of a run directory until its lock is held.
const beginning = ".new-"

// removing is the prefix of a container's directory from the moment its
// removal can't be taken back.
const removing = ".removing-"

// killedExit is the exit code of a container whose end nobody saw: it was
// killed with, or because of, its monitor.
const killedExit = 128 + 9

// reaper finishes what killed commands and monitors left undone. Everything it does
// is idempotent, and is done under the lock of the container that it concerns.
type reaper struct{ *Store }

// all finishes what killed commands left: run directories without a
// holder, containers half removed, claims and links of containers that are
// gone. It costs a few directory reads when there is nothing.
func (r reaper) all() error {
	runs, err := os.ReadDir(r.State)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range runs {
		switch {
		case IsID(e.Name()):
			errs = append(errs, r.container(e.Name()))
		case strings.HasPrefix(e.Name(), beginning):
			errs = append(errs, r.beginning(e))
		}
	}
	dirs, err := os.ReadDir(r.containers())
	if err != nil {
		return err
	}
	for _, e := range dirs {
		id, gone := strings.CutPrefix(e.Name(), removing)
		switch {
		case !IsID(id): // not ours
		case gone:
			errs = append(errs, r.locked(id, r.remove))
		case !r.exists(id):
			errs = append(errs, r.locked(id, r.unmade))
		}
	}
	errs = append(errs, r.names(len(dirs)), r.Networks.Reap(), r.Interfaces.Reap())
	return errors.Join(errs...)
}

// beginning takes away a run directory that was never put in its place.
// Who makes one takes microseconds.
func (r reaper) beginning(e os.DirEntry) error {
	info, err := e.Info()
	if err != nil || time.Since(info.ModTime()) < time.Minute {
		return nil // gone, or in the making
	}
	return os.RemoveAll(filepath.Join(r.State, e.Name()))
}

// refresh brings a container's record in line with the kernel: a live state
// without a monitor becomes an exit.
func (r reaper) refresh(id string) error {
	if err := r.container(id); err != nil {
		return err
	}
	var state State
	if jsonfile.Read(r.statePath(id), &state) == nil && state.Status.Live() && !r.held(id) {
		return r.locked(id, r.dead) // after a reboot there is no run directory
	}
	return nil
}

// container cleans up after a holder that was killed.
func (r reaper) container(id string) error {
	if _, err := os.Lstat(r.RunDir(id)); err != nil {
		return nil
	}
	return r.locked(id, r.dead)
}

// locked does the work under the container's lock, and nothing when somebody
// holds it.
func (r reaper) locked(id string, work func(id string) error) error {
	h, err := r.Lock(id)
	if errors.Is(err, ErrRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(work(id), h.Close())
}

// unmade takes away a container that was never committed. One that has
// run, and has lost its configuration since, is left to be looked at.
func (r reaper) unmade(id string) error {
	_, pending := os.Lstat(r.pendingPath(id))
	_, ran := os.Lstat(r.statePath(id))
	if pending != nil && ran == nil {
		return fmt.Errorf("container %s has lost its config.json: put it back, or remove %s", r.NameOf(id), r.Dir(id))
	}
	return r.dead(id)
}

// dead ends what a dead monitor left running and records the exit. A
// container that was never committed, or that was to go with its exit, goes.
func (r reaper) dead(id string) error {
	var state State
	stateErr := jsonfile.Read(r.statePath(id), &state)
	if err := r.KillLeftovers(id, state.Init); err != nil {
		return err
	}
	if err := errors.Join(r.Interfaces.Detach(id), r.Neighbours().Forget(id)); err != nil {
		return err
	}
	var c Config
	switch err := jsonfile.Read(r.configPath(id), &c); {
	case errors.Is(err, fs.ErrNotExist):
		return r.remove(id)
	case err == nil && c.AutoRemove && stateErr == nil && state.Status != Created:
		return r.remove(id)
	}
	if c.ID == id {
		if err := r.Endpoints().keep(c); err != nil {
			return err
		}
	}
	if stateErr != nil || !state.Status.Live() {
		return nil
	}
	return (&Handle{ID: id, store: r.Store}).WriteState(state.ended())
}

// ended is the state of a container whose end nobody saw.
func (s State) ended() State {
	s.Status, s.FinishedAt, s.ExitCode = Exited, time.Now(), killedExit
	s.Error = "the container's monitor was killed"
	if s.Init.Boot != boot.ID() {
		s.Error = "the host went down"
	}
	s.Attachments = nil
	return s
}

// remove takes the container's directory out of sight in one step, then frees
// its claims and deletes its files. It is idempotent, and can be finished by
// anybody who holds the lock.
func (r reaper) remove(id string) error {
	gone := filepath.Join(r.containers(), removing+id)
	if err := os.Rename(r.Dir(id), gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := errors.Join(r.Networks.Release(id), r.claims().release(id))
	if err != nil {
		return err
	}
	if err := r.Volumes().removeOf(gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// names takes away what commands that were killed at a name left: claims
// that belong to no name yet, and the second name of a container whose renaming
// was cut short. There is one only if there are more names than containers.
func (r reaper) names(containers int) error {
	entries, err := os.ReadDir(r.namesDir())
	if err != nil {
		return err
	}
	var names []string
	var errs []error
	for _, e := range entries {
		id, claim := strings.CutPrefix(e.Name(), ".")
		switch {
		case !claim:
			names = append(names, e.Name())
		case IsID(id) && !r.held(id):
			errs = append(errs, removeIfThere(r.claims().draft(id)))
		}
	}
	if len(names) > containers {
		for _, name := range names {
			errs = append(errs, r.name(name))
		}
	}
	return errors.Join(errs...)
}

// name drops a name that is not what its container is called. Who is at
// renaming holds the container's lock.
func (r reaper) name(name string) error {
	id, err := r.claims().owner(name)
	if err != nil || !r.exists(id) || r.held(id) {
		return nil
	}
	return r.locked(id, func(string) error {
		var c Config
		if r.readRecord(id, r.configPath(id), &c) != nil || c.Name == "" || c.Name == name {
			return nil
		}
		return errors.Join(removeIfThere(r.claims().path(name)), r.Networks.Rename(id, c.Name))
	})
}
