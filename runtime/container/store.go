package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/network/store"
	"github.com/mvrun/mvrun/network/trunk"
)

// Errors that callers tell apart.
var (
	ErrNotFound  = errors.New("no such container")
	ErrNameInUse = errors.New("name is already in use")
	ErrRunning   = errors.New("container is running")
)

// Store is the records of all containers, and the right to change them: see Lock
// and Begin. Its parts have what concerns one noun.
type Store struct {
	Layout
	CgroupParent string // absolute path in every hierarchy
	CgroupDriver string // auto, cgroupfs or systemd
	// KillLeftovers ends what a dead monitor left running of a container, whose
	// first process was init. It is idempotent. kernel.Serve sets it: records know
	// nothing of cgroups.
	KillLeftovers func(id string, init Process) error
	Networks      *store.Store
	Interfaces    *endpoint.Manager
}

// Open makes the store ready and finishes what killed commands left undone.
// What can't be finished now does not keep the store from being used: it is
// left, to be told of in unfinished.
func (s *Store) Open() (unfinished, err error) {
	if err := s.Prepare(); err != nil {
		return nil, err
	}
	if err := s.reaper().all(); err != nil && !noRoom(err) {
		return err, nil
	}
	return nil, nil
}

// Prepare makes the store's directories and nothing else: the monitor needs no
// more.
func (s *Store) Prepare() error {
	for _, dir := range []string{s.containers(), s.namesDir(), s.State} {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return err
		}
	}
	s.Networks = &store.Store{
		Dir:     filepath.Join(s.Root, "networks"),
		Exists:  func(id string) bool { return s.exists(id) || s.held(id) },
		Running: s.held,
	}
	links := trunk.Trunk{Dir: filepath.Join(s.State, "links"), Running: s.held}
	s.Interfaces = &endpoint.Manager{Store: s.Networks, Trunk: links}
	return nil
}

func (s *Store) claims() claims { return claims{s.Layout} }
func (s *Store) leases() leases { return leases{s.Layout, s.Interfaces} }
func (s *Store) reaper() reaper { return reaper{s} }

// Events is the log of what happens to containers and networks.
func (s *Store) Events() EventLog { return EventLog{s.Root} }

// Neighbours are how running containers find each other by name.
func (s *Store) Neighbours() Neighbours { return Neighbours{s.Layout, s.Events()} }

// Endpoints are what connects containers with networks.
func (s *Store) Endpoints() Endpoints { return Endpoints{s} }

// Volumes are the volumes of containers.
func (s *Store) Volumes() Volumes { return Volumes{s} }

// Resolve finds a container's ID by name, ID, or a prefix of the ID that is
// no other's. An unknown one is ErrNotFound.
func (s *Store) Resolve(ref string) (string, error) {
	name := strings.TrimPrefix(ref, "/")
	if IsID(name) && s.exists(name) {
		return name, nil
	}
	if validName.MatchString(name) {
		if id, err := s.claims().owner(name); err == nil && s.exists(id) {
			return id, nil
		}
	}
	if name == "" || strings.Trim(name, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	ids, err := s.IDs()
	if err != nil {
		return "", err
	}
	var found []string
	for _, id := range ids {
		if strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%w: %s", ErrNotFound, ref)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("ID prefix %s is not unique: it fits %d containers; give more of it", ref, len(found))
}

// IDs lists the containers that exist.
func (s *Store) IDs() ([]string, error) {
	entries, err := os.ReadDir(s.containers())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && s.exists(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// Live tells whether the container's record says that it lives, and its
// monitor does too. It costs two reads and changes nothing.
func (s *Store) Live(id string) bool {
	var state State
	return jsonfile.Read(s.statePath(id), &state) == nil && state.Status.Live() && s.held(id)
}

// Container is a container's configuration with what has become of it.
type Container struct {
	Config Config
	State  State
}

// Load reads a container and refreshes its state against the kernel: what a
// killed monitor left is cleaned up first.
func (s *Store) Load(id string) (*Container, error) {
	if err := s.reaper().refresh(id); err != nil && !noRoom(err) {
		return nil, err
	}
	c, err := s.read(id)
	if errors.Is(err, fs.ErrNotExist) { // one that goes with its exit
		return nil, fmt.Errorf("%w: %s", ErrNotFound, ShortID(id))
	}
	if err == nil && c.State.Status.Live() && !s.held(id) {
		c.State = c.State.ended() // what could not be written down is so all the same
	}
	return c, err
}

// noRoom tells whether the disk is what keeps a record from being written.
func noRoom(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EROFS)
}

// read is Load without the look at the kernel.
func (s *Store) read(id string) (*Container, error) {
	c := &Container{}
	if err := s.readRecord(id, s.configPath(id), &c.Config); err != nil {
		return nil, err
	}
	if c.Config.ID != id {
		return nil, s.damaged(id, s.configPath(id), "is not this container's")
	}
	if err := s.Endpoints().apply(&c.Config); err != nil {
		return nil, err
	}
	err := s.readRecord(id, s.statePath(id), &c.State)
	if errors.Is(err, fs.ErrNotExist) {
		c.State.Status, err = Created, nil
	}
	if err != nil {
		return nil, err
	}
	if !c.State.Status.known() {
		return nil, s.damaged(id, s.statePath(id), "has no known status")
	}
	return c, nil
}

// List returns all containers, the newest first, and an error for each one
// that can't be read: one damaged container does not hide the others.
func (s *Store) List() ([]*Container, []error) {
	ids, err := s.IDs()
	if err != nil {
		return nil, []error{err}
	}
	var all []*Container
	var errs []error
	for _, id := range ids {
		c, err := s.Load(id)
		switch {
		case errors.Is(err, ErrNotFound): // removed while we were reading
		case err != nil:
			errs = append(errs, err)
		default:
			all = append(all, c)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Config.Created.After(all[j].Config.Created) })
	return all, errs
}
