// Package store keeps networks and the claims on their addresses, and plans the
// endpoints of containers on them.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
)

// Store is where networks and claims are kept. Its methods work on the network
// namespace of the calling thread.
type Store struct {
	Dir string // <root>/networks

	// Exists says whether a container's configuration, or the command that is
	// making it, is still there. Claims of others are stale. nil: all exist.
	Exists func(containerID string) bool
	// Running says whether a container's monitor lives. nil: all run.
	Running func(containerID string) bool
}

const configFile = "network.json"

// Get finds a network by its name, its ID, or the beginning of its ID.
func (s *Store) Get(nameOrID string) (network.Config, error) {
	for _, cfg := range network.Predefined() {
		if cfg.Name == nameOrID {
			return cfg, nil
		}
	}
	if network.NameRE.MatchString(nameOrID) {
		cfg, err := s.read(nameOrID)
		if !errors.Is(err, fs.ErrNotExist) {
			return cfg, err
		}
	}
	return s.byID(nameOrID)
}

func (s *Store) byID(id string) (network.Config, error) {
	all, err := s.List()
	var found []network.Config
	for _, cfg := range all {
		if cfg.ID == id {
			return cfg, nil
		}
		if id != "" && strings.HasPrefix(cfg.ID, id) {
			found = append(found, cfg)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return network.Config{}, fmt.Errorf("network %s is ambiguous (%d found with that ID prefix)", id, len(found))
	case err != nil:
		return network.Config{}, fmt.Errorf("network %s %w (%w)", id, network.ErrNotFound, err)
	}
	return network.Config{}, fmt.Errorf("network %s %w", id, network.ErrNotFound)
}

// List returns the networks by name, the predefined ones among them. Records
// that can't be read are left out and named in the error; the rest is good.
func (s *Store) List() ([]network.Config, error) {
	all := network.Predefined()
	names, err := s.names()
	if err != nil {
		return all, err
	}
	var bad []error
	for _, name := range names {
		cfg, err := s.read(name)
		switch {
		case err == nil:
			all = append(all, cfg)
		case !errors.Is(err, fs.ErrNotExist): // removed meanwhile
			bad = append(bad, err)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all, errors.Join(bad...)
}

// names are the directories of networks; scratch ones begin with a dot.
func (s *Store) names() ([]string, error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read networks: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && network.NameRE.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (s *Store) read(name string) (network.Config, error) {
	var cfg network.Config
	path := filepath.Join(s.Dir, name, configFile)
	if err := jsonfile.Read(path, &cfg); err != nil {
		return network.Config{}, err
	}
	if cfg.Name != name {
		return network.Config{}, fmt.Errorf("%w: %s: it names network %q", jsonfile.ErrCorrupt, path, cfg.Name)
	}
	return cfg, nil
}

// lock guards the networks and the claims: who holds it alone makes, claims
// and removes.
func (s *Store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make networks directory: %w", err)
	}
	return jsonfile.Lock(filepath.Join(s.Dir, ".lock"))
}
