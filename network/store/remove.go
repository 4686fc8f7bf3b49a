package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mvrun/mvrun/internal/hexid"
	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
)

// Remove deletes a network that no container has a claim on.
func (s *Store) Remove(nameOrID string) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	cfg, err := s.Get(nameOrID)
	if errors.Is(err, jsonfile.ErrCorrupt) && network.NameRE.MatchString(nameOrID) {
		cfg, err = network.Config{Name: nameOrID}, nil // its claims can still be read, and there is no other way to be rid of it
	}
	if err != nil {
		return err
	}
	if cfg.Predefined() {
		return fmt.Errorf("network %s is a pre-defined network and cannot be removed", cfg.Name)
	}
	claims, err := s.readable(cfg.Name)
	if err != nil {
		return err
	}
	var users []string
	for _, c := range claims {
		if s.exists(c.Container) {
			users = append(users, c.Who())
		}
	}
	slices.Sort(users)
	if users = slices.Compact(users); len(users) > 0 {
		return fmt.Errorf("network %s %w: remove %s first", cfg.Name, network.ErrInUse, strings.Join(users, ", "))
	}
	return s.drop(cfg.Name)
}

// drop takes a network away, under the lock. A scratch name hides what a kill
// leaves half removed.
func (s *Store) drop(name string) error {
	scratch := filepath.Join(s.Dir, ".del-"+hexid.New()[:12])
	if err := os.Rename(s.path(name), scratch); err != nil {
		return fmt.Errorf("remove network %s: %w", name, err)
	}
	if err := os.RemoveAll(scratch); err != nil {
		return fmt.Errorf("remove network %s: %w", name, err)
	}
	return jsonfile.SyncDir(s.Dir)
}
