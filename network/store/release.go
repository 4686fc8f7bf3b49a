package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// Release gives up all the claims of a container, and with them implicit
// networks that nobody is on any more. Idempotent.
func (s *Store) Release(containerID string) error {
	return s.releaseIf(func(c ipam.Claim) bool { return c.Container == containerID })
}

// ReleaseEndpoint is Release for one endpoint of the container.
func (s *Store) ReleaseEndpoint(containerID, endpointID string) error {
	return s.releaseIf(func(c ipam.Claim) bool { return c.Container == containerID && c.Endpoint == endpointID })
}

// ReleaseExcept is Release for all but these endpoints of the container: what a command
// claimed that was killed before it wrote the endpoint down.
func (s *Store) ReleaseExcept(containerID string, eps []network.Endpoint) error {
	kept := map[string]bool{}
	for _, ep := range eps {
		kept[ep.ID] = true
	}
	return s.releaseIf(func(c ipam.Claim) bool { return c.Container == containerID && !kept[c.Endpoint] })
}

// releaseIf drops the claims that gone tells. It takes the
// lock only if there is something to do.
func (s *Store) releaseIf(gone func(ipam.Claim) bool) error {
	names, err := s.names()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		idle, err := s.idle(name, gone)
		if idle || err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, s.releaseOn(name, gone))
	}
	return errors.Join(errs...)
}

// readable are a network's claims but for damaged ones: those concern nobody
// until their own address is asked for, or the network inspected.
func (s *Store) readable(name string) ([]ipam.Claim, error) {
	claims, err := s.claims(name).List()
	if errors.Is(err, ipam.ErrCorrupt) {
		err = nil
	}
	return claims, err
}

// idle looks, without the lock, whether a network has nothing to give up.
func (s *Store) idle(name string, gone func(ipam.Claim) bool) (bool, error) {
	claims, err := s.readable(name)
	if err != nil {
		return false, err
	}
	for _, c := range claims {
		if gone(c) {
			return false, nil
		}
	}
	if len(claims) > 0 {
		return true, nil
	}
	cfg, err := s.read(name)
	return err != nil || !cfg.Implicit, nil // one that can't be read is not ours to judge
}

func (s *Store) releaseOn(name string, gone func(ipam.Claim) bool) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	claims, err := s.readable(name)
	errs := []error{err}
	for _, c := range claims {
		if gone(c) {
			errs = append(errs, s.claims(name).Drop(c))
		}
	}
	return errors.Join(append(errs, s.dropIfUnused(name))...)
}

// dropStale gives up claims of containers that are no more, under the lock.
func (s *Store) dropStale(nets []network.Config) error {
	for _, cfg := range nets {
		claims, err := s.readable(cfg.Name)
		if err != nil {
			return err
		}
		for _, c := range claims {
			if !s.exists(c.Container) {
				if err := s.claims(cfg.Name).Drop(c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// dropIfUnused removes an implicit network without claims, under the lock.
func (s *Store) dropIfUnused(name string) error {
	cfg, err := s.read(name)
	if err != nil || !cfg.Implicit {
		return nil
	}
	claims, err := s.claims(name).List() // a damaged one keeps the network for a person to look at
	if err != nil || len(claims) > 0 {
		return err
	}
	return s.drop(name)
}

// Reap drops the claims of containers that are no more, and what killed commands left half made. It costs little when there is nothing.
func (s *Store) Reap() error {
	return errors.Join(
		s.releaseIf(func(c ipam.Claim) bool { return !s.exists(c.Container) }),
		s.reapScratch(),
	)
}

func (s *Store) reapScratch() error {
	entries, _ := os.ReadDir(s.Dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".new-") || strings.HasPrefix(e.Name(), ".del-") || s.unwritten(e.Name()) {
			return s.removeScratch()
		}
	}
	return nil
}

// unwritten tells whether a network's record is empty: the power went while the
// command was busy that made it, before a container could need it.
func (s *Store) unwritten(name string) bool {
	info, err := os.Lstat(filepath.Join(s.path(name), configFile))
	return err == nil && info.Mode().IsRegular() && info.Size() == 0
}

// removeScratch holds the lock: whoever made a scratch directory held it, so
// those that are there now belong to nobody.
func (s *Store) removeScratch() error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	left, _ := filepath.Glob(filepath.Join(s.Dir, ".[nd]e[wl]-*"))
	names, _ := s.names()
	for _, name := range names {
		if s.unwritten(name) {
			left = append(left, s.path(name))
		}
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove leftover: %w", err)
		}
	}
	return nil
}
