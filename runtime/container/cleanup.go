package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

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

// recover finishes what killed commands left: run directories without a
// holder, containers half removed, claims and links of containers that are
// gone. It costs a few directory reads when there is nothing.
func (s *Store) recover() error {
	runs, err := os.ReadDir(s.State)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range runs {
		switch {
		case IsID(e.Name()):
			errs = append(errs, s.reap(e.Name()))
		case strings.HasPrefix(e.Name(), beginning):
			errs = append(errs, s.reapBeginning(e))
		}
	}
	dirs, err := os.ReadDir(s.containers())
	if err != nil {
		return err
	}
	for _, e := range dirs {
		id, gone := strings.CutPrefix(e.Name(), removing)
		switch {
		case !IsID(id): // not ours
		case gone:
			errs = append(errs, s.reapAs(id, s.remove))
		case !s.exists(id):
			errs = append(errs, s.reapAs(id, s.reapUnmade))
		}
	}
	errs = append(errs, s.reapNames(len(dirs)), s.Networks.Reap())
	return errors.Join(errs...)
}

// reapBeginning takes away a run directory that was never put in its place.
// Who makes one takes microseconds.
func (s *Store) reapBeginning(e os.DirEntry) error {
	info, err := e.Info()
	if err != nil || time.Since(info.ModTime()) < time.Minute {
		return nil // gone, or in the making
	}
	return os.RemoveAll(filepath.Join(s.State, e.Name()))
}

// refresh brings a container's record in line with the kernel: a live state
// without a monitor becomes an exit.
func (s *Store) refresh(id string) error {
	if err := s.reap(id); err != nil {
		return err
	}
	var state State
	if jsonfile.Read(s.statePath(id), &state) == nil && state.Status.Live() && !s.held(id) {
		return s.reapAs(id, s.reapDead) // after a reboot there is no run directory
	}
	return nil
}

// reap cleans up after a holder that was killed.
func (s *Store) reap(id string) error {
	if _, err := os.Lstat(s.RunDir(id)); err != nil {
		return nil
	}
	return s.reapAs(id, s.reapDead)
}

// reapAs does the work under the container's lock, and nothing when somebody
// holds it.
func (s *Store) reapAs(id string, work func(id string) error) error {
	h, err := s.Lock(id)
	if errors.Is(err, ErrRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(work(id), h.Close())
}

// reapUnmade takes away a container that was never committed. One that has
// run, and has lost its configuration since, is left to be looked at.
func (s *Store) reapUnmade(id string) error {
	_, pending := os.Lstat(s.pendingPath(id))
	_, ran := os.Lstat(s.statePath(id))
	if pending != nil && ran == nil {
		return fmt.Errorf("container %s has lost its config.json: put it back, or remove %s", s.NameOf(id), s.Dir(id))
	}
	return s.reapDead(id)
}

// reapDead ends what a dead monitor left running and records the exit. A
// container that was never committed, or that was to go with its exit, goes.
func (s *Store) reapDead(id string) error {
	var state State
	stateErr := jsonfile.Read(s.statePath(id), &state)
	if err := s.KillLeftovers(id, state.Init); err != nil {
		return err
	}
	if err := errors.Join(s.Networks.Detach(id), s.LeaveNeighbours(id)); err != nil {
		return err
	}
	var c Config
	switch err := jsonfile.Read(s.configPath(id), &c); {
	case errors.Is(err, fs.ErrNotExist):
		return s.remove(id)
	case err == nil && c.AutoRemove && stateErr == nil && state.Status != Created:
		return s.remove(id)
	}
	if c.ID == id {
		if err := s.keepLegs(c); err != nil {
			return err
		}
	}
	if stateErr != nil || !state.Status.Live() {
		return nil
	}
	return (&Handle{ID: id, store: s}).WriteState(state.ended())
}

// ended is the state of a container whose end nobody saw.
func (s State) ended() State {
	s.Status, s.FinishedAt, s.ExitCode = Exited, time.Now(), killedExit
	s.Error = "the container's monitor was killed"
	if s.Init.Boot != BootID() {
		s.Error = "the host went down"
	}
	s.Attachments = nil
	return s
}

// remove takes the container's directory out of sight in one step, then frees
// its claims and deletes its files. It is idempotent, and can be finished by
// anybody who holds the lock.
func (s *Store) remove(id string) error {
	gone := filepath.Join(s.containers(), removing+id)
	if err := os.Rename(s.Dir(id), gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := errors.Join(s.Networks.Release(id), s.releaseNames(id))
	if err != nil {
		return err
	}
	if err := s.removeVolumesOf(gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}
