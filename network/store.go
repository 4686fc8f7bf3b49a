// Package network puts containers on VLANs: it keeps the networks and the
// claims on their addresses, makes the VLAN sub-interface of a trunk NIC and
// counts its users, and builds each container's macvlan in its namespace.
package network

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// What a caller may want to tell apart.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrInUse    = errors.New("has active endpoints")
)

// Store is where networks, claims and the users of VLAN links are kept. Its
// methods work on the network namespace of the calling thread.
type Store struct {
	Dir   string // <root>/networks
	State string // <state>/links

	// Exists says whether a container's configuration, or the command that is
	// making it, is still there. Claims of others are stale. nil: all exist.
	Exists func(containerID string) bool
	// Running says whether a container's monitor lives. Uses of VLAN links by
	// others are stale. nil: all run.
	Running func(containerID string) bool
}

const configFile = "network.json"

// predefined are the networks that no store needs to hold.
func predefined() []Config {
	list := []Config{{Name: Host, Driver: "host"}, {Name: None, Driver: "null"}}
	for i := range list {
		sum := sha256.Sum256([]byte("mvrun predefined network " + list[i].Name))
		list[i].ID = hex.EncodeToString(sum[:])
	}
	return list
}

// Get finds a network by its name, its ID, or the beginning of its ID.
func (s *Store) Get(nameOrID string) (Config, error) {
	for _, cfg := range predefined() {
		if cfg.Name == nameOrID {
			return cfg, nil
		}
	}
	if nameRE.MatchString(nameOrID) {
		cfg, err := s.read(nameOrID)
		if !errors.Is(err, fs.ErrNotExist) {
			return cfg, err
		}
	}
	return s.byID(nameOrID)
}

func (s *Store) byID(id string) (Config, error) {
	all, err := s.List()
	var found []Config
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
		return Config{}, fmt.Errorf("network %s is ambiguous (%d found with that ID prefix)", id, len(found))
	case err != nil:
		return Config{}, fmt.Errorf("network %s %w (%w)", id, ErrNotFound, err)
	}
	return Config{}, fmt.Errorf("network %s %w", id, ErrNotFound)
}

// List returns the networks by name, the predefined ones among them. Records
// that can't be read are left out and named in the error; the rest is good.
func (s *Store) List() ([]Config, error) {
	all := predefined()
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
		if e.IsDir() && nameRE.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (s *Store) read(name string) (Config, error) {
	var cfg Config
	path := filepath.Join(s.Dir, name, configFile)
	if err := jsonfile.Read(path, &cfg); err != nil {
		return Config{}, err
	}
	if cfg.Name != name {
		return Config{}, fmt.Errorf("%w: %s: it names network %q", jsonfile.ErrCorrupt, path, cfg.Name)
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
