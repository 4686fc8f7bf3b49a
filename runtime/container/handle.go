package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Handle is the right to change one container: it holds the monitor lock.
// The lock goes to the monitor with the file descriptor.
type Handle struct {
	ID    string
	store *Store
	lock  *os.File
}

// Lock takes the container's monitor lock; ErrRunning if somebody has it.
func (s *Store) Lock(id string) (*Handle, error) {
	for {
		if err := os.MkdirAll(s.RunDir(id), dirMode); err != nil {
			return nil, err
		}
		f, err := jsonfile.OpenLocked(s.LockPath(id), false)
		switch {
		case err == nil:
			return &Handle{ID: id, store: s, lock: f}, nil
		case errors.Is(err, fs.ErrNotExist):
			continue // reaped as garbage between the two steps: make it anew
		case errors.Is(err, jsonfile.ErrLocked):
			return nil, fmt.Errorf("%s: %w", ShortID(id), ErrRunning)
		default:
			return nil, err
		}
	}
}

// lockNew makes the run directory of a fresh ID with its lock held, in one
// step for all others: no command that cleans up sees it free.
func (s *Store) lockNew(id string) (*Handle, error) {
	making, err := os.MkdirTemp(s.State, beginning)
	if err != nil {
		return nil, err
	}
	f, err := jsonfile.OpenLocked(filepath.Join(making, filepath.Base(s.LockPath(id))), false)
	if err == nil {
		if err = os.Rename(making, s.RunDir(id)); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(making))
	}
	return &Handle{ID: id, store: s, lock: f}, nil
}

// Adopt is the monitor's end of a lock that it was handed as a descriptor.
func (s *Store) Adopt(id string, lock *os.File) *Handle {
	return &Handle{ID: id, store: s, lock: lock}
}

// File is the locked file, for a child to inherit.
func (h *Handle) File() *os.File { return h.lock }

// Close gives the lock up and removes the run directory, unless a monitor has
// taken both over.
func (h *Handle) Close() error {
	err := os.RemoveAll(h.store.RunDir(h.ID))
	if errors.Is(err, unix.ENOTEMPTY) {
		err = nil // another command has made its lock there meanwhile
	}
	return errors.Join(err, h.lock.Close())
}

// HandOver drops this process's share of the lock: the monitor has it now.
func (h *Handle) HandOver() error { return h.lock.Close() }

// Begin begins a container: a fresh ID, locked, with its directory. It goes
// back with Abandon, or, if we are killed, with the next command.
func (s *Store) Begin() (h *Handle, err error) {
	if h, err = s.lockNew(NewID()); err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.Dir(h.ID), dirMode); err != nil {
		return nil, errors.Join(err, h.Abandon())
	}
	return h, nil
}

// ClaimName takes the name for the container, or one made up for "". It goes
// back with the container.
func (h *Handle) ClaimName(name string) (taken string, err error) {
	if name != "" {
		return name, h.store.claims().take(name, h.ID)
	}
	for {
		name = RandomName()
		if err = h.store.claims().take(name, h.ID); !errors.Is(err, ErrNameInUse) {
			return name, err
		}
	}
}

// Abandon undoes a creation that was not committed, and whatever a monitor
// that died at it left.
func (h *Handle) Abandon() error {
	h.releaseLeases()
	return errors.Join(h.store.reaper().dead(h.ID), h.store.reaper().remove(h.ID), h.Close())
}

// GiveUp is what a monitor does with a container that nobody waits for any
// more: one that was to be made is abandoned, one that was to start stays.
func (h *Handle) GiveUp() error {
	if h.store.exists(h.ID) {
		return errors.Join(h.store.reaper().dead(h.ID), h.Close())
	}
	return h.Abandon()
}

// WritePending stores the configuration of a container that does not exist
// yet, and makes its name and its networks as durable as that.
func (h *Handle) WritePending(c *Config) error {
	if err := errors.Join(h.store.claims().sync(c.Name), h.store.Networks.Sync(c.Network.Endpoints)); err != nil {
		return err
	}
	return jsonfile.Write(h.store.pendingPath(h.ID), c, 0o600)
}

// Commit makes the container exist, for good.
func (h *Handle) Commit(c *Config) error {
	return errors.Join(h.Publish(c), h.Sync())
}

// Publish is Commit without the wait for the disk: a power cut may take it back
// until Sync has returned.
func (h *Handle) Publish(c *Config) error {
	if err := os.Rename(h.store.pendingPath(h.ID), h.store.configPath(h.ID)); err != nil {
		return fmt.Errorf("commit container: %w", err)
	}
	_ = h.store.Events().Append(Event{Type: "container", Action: "create", ID: h.ID, Name: c.Name})
	return nil
}

// Sync makes durable what the container's directory holds.
func (h *Handle) Sync() error { return jsonfile.SyncDir(h.store.Dir(h.ID)) }

// Config reads the container's configuration, committed or not.
func (h *Handle) Config() (c Config, err error) {
	err = h.store.readRecord(h.ID, h.store.pendingPath(h.ID), &c)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if err := h.store.readRecord(h.ID, h.store.configPath(h.ID), &c); err != nil {
		return c, err
	}
	return c, h.store.Endpoints().apply(&c)
}

// State reads the container's state; the zero state is "created".
func (h *Handle) State() (State, error) {
	state := State{Status: Created}
	err := h.store.readRecord(h.ID, h.store.statePath(h.ID), &state)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return state, err
}

// WriteState stores the container's state durably. A full disk is no reason to
// lose how a container ended.
func (h *Handle) WriteState(state State) error {
	err := jsonfile.Write(h.store.statePath(h.ID), state, 0o600)
	if noRoom(err) && jsonfile.Overwrite(h.store.statePath(h.ID), state) == nil {
		return nil
	}
	return err
}

// Remove makes the container not exist and frees all that it held.
// Its monitor may have died in the moment before: what that left goes too.
func (h *Handle) Remove() error {
	state, _ := h.State() // damaged, it names no process
	err := errors.Join(h.store.KillLeftovers(h.ID, state.Init), h.store.Interfaces.Detach(h.ID))
	if err != nil {
		return errors.Join(err, h.Close())
	}
	return errors.Join(h.Forget(), h.Close())
}

// Forget is Remove, and keeps the lock: the name and the addresses are free.
func (h *Handle) Forget() error {
	h.releaseLeases()
	gone := Event{Type: "container", Action: "destroy", ID: h.ID, Name: h.store.NameOf(h.ID)}
	err := h.store.reaper().remove(h.ID)
	if err == nil {
		_ = h.store.Events().Append(gone)
	}
	return err
}

// StartFailed gives the lock up after a start that did not succeed, cleans up
// what it may have left, and notes the reason in the container's state.
func (h *Handle) StartFailed(reason error) error {
	err := h.store.reaper().dead(h.ID)
	if h.store.exists(h.ID) {
		state, serr := h.State()
		var start *StartError
		state.Error = reason.Error()
		if errors.As(reason, &start) {
			state.ExitCode = start.Code
		}
		err = errors.Join(err, serr)
		if serr == nil {
			err = errors.Join(err, h.WriteState(state))
		}
	}
	return errors.Join(err, h.Close())
}
