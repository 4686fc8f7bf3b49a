package network

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mvrun/mvrun/internal/hexid"
	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network/ipam"
)

// Create checks the network, fills in its defaults and stores it. Nothing is
// made in the kernel: the sub-interface comes with the first container.
func (s *Store) Create(cfg Config) (Config, error) {
	if err := cfg.Complete(); err != nil {
		return Config{}, err
	}
	h, err := openHost()
	if err != nil {
		return Config{}, err
	}
	defer h.Close()
	parent, err := h.parent(cfg.Parent)
	if err != nil {
		return Config{}, err
	}
	if err := cfg.suits(parent); err != nil {
		return Config{}, err
	}
	cfg.Parent = parent.Attrs().Name // an alternative name is another one tomorrow
	unlock, err := s.lock()
	if err != nil {
		return Config{}, err
	}
	defer unlock()
	if err := s.fits(&cfg); err != nil {
		return Config{}, err
	}
	if cfg, err = s.write(cfg); err != nil {
		return Config{}, err
	}
	if err := s.sync(cfg.Name); err != nil {
		return Config{}, errors.Join(fmt.Errorf("create network %s: %w", cfg.Name, err), s.drop(cfg.Name))
	}
	return cfg, nil
}

// fits checks a network against those that are there.
func (s *Store) fits(cfg *Config) error {
	if s.there(cfg.Name) {
		return fmt.Errorf("network with name %s %w", cfg.Name, ErrExists)
	}
	others, err := s.onSegment(cfg.Segment)
	if err != nil {
		return err
	}
	for _, other := range others {
		if !other.Implicit && (other.Mode == l2) != (cfg.Mode == l2) {
			return fmt.Errorf("network %s is on %s already, and an interface carries macvlan or ipvlan, not both", other.Name, cfg.Segment)
		}
		if (other.Mode == passthru || cfg.Mode == passthru) && !other.Implicit {
			return fmt.Errorf("network %s is on %s already, and passthru mode has its parent to itself", other.Name, cfg.Segment)
		}
		if err := overlap(*cfg, other); err != nil {
			return err
		}
	}
	if err := s.gatewaysFree(*cfg, others); err != nil {
		return err
	}
	return s.giveHostAddresses(cfg, others)
}

func overlap(cfg, other Config) error {
	for _, mine := range cfg.Subnets {
		for _, theirs := range other.Subnets {
			if mine.Prefix.Overlaps(theirs.Prefix) {
				return fmt.Errorf("subnet %s overlaps with %s of network %s on the same segment %s: "+
					"give it another subnet, or remove that network", mine.Prefix, theirs.Prefix, other.Name, cfg.Segment)
			}
		}
	}
	return nil
}

func (s *Store) gatewaysFree(cfg Config, others []Config) error {
	for _, other := range others {
		claims, err := s.readable(other.Name)
		if err != nil {
			return err
		}
		for _, claim := range claims {
			for _, sub := range cfg.Subnets {
				if sub.Gateway.IsValid() && sub.Gateway == claim.Addr {
					return fmt.Errorf("gateway %s: %w", sub.Gateway, &ipam.ClaimedError{Claim: claim})
				}
			}
		}
	}
	return nil
}

// onSegment are the stored networks of one segment. Records that can't be read
// don't count: what is damaged must not stop the others.
func (s *Store) onSegment(seg Segment) ([]Config, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	var found []Config
	for _, name := range names {
		if cfg, err := s.read(name); err == nil && cfg.Segment == seg {
			found = append(found, cfg)
		}
	}
	return found, nil
}

// write makes the network appear whole or not at all: a scratch directory is
// renamed into place. A power cut before sync may leave an empty record.
func (s *Store) write(cfg Config) (Config, error) {
	cfg.ID = hexid.New()
	if cfg.Created.IsZero() {
		cfg.Created = time.Now().UTC()
	}
	scratch := filepath.Join(s.Dir, ".new-"+cfg.ID[:12])
	if err := os.Mkdir(scratch, 0o755); err != nil {
		return Config{}, fmt.Errorf("create network %s: %w", cfg.Name, err)
	}
	data, err := json.Marshal(cfg)
	if err == nil {
		err = os.WriteFile(filepath.Join(scratch, configFile), append(data, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(scratch, s.path(cfg.Name))
	}
	if err != nil {
		return Config{}, errors.Join(fmt.Errorf("create network %s: %w", cfg.Name, err), os.RemoveAll(scratch))
	}
	return cfg, nil
}

// sync makes a network's record outlive a power cut.
func (s *Store) sync(name string) error {
	return errors.Join(jsonfile.Sync(filepath.Join(s.path(name), configFile)), jsonfile.SyncDir(s.Dir))
}

// Settle makes the networks of the endpoints outlive a power cut, those too
// that Plan has made. It is for before the container that needs them does.
func (s *Store) Settle(eps []Endpoint) error {
	var errs []error
	for _, ep := range eps {
		errs = append(errs, s.sync(ep.Network))
	}
	return errors.Join(errs...)
}

// Claims are the claims on a network by address, those without one last.
func (s *Store) Claims(network string) ([]ipam.Claim, error) {
	if !nameRE.MatchString(network) {
		return nil, fmt.Errorf("network %s %w", network, ErrNotFound)
	}
	claims, err := s.claims(network).List()
	slices.SortFunc(claims, func(a, b ipam.Claim) int {
		if a.Addr.IsValid() != b.Addr.IsValid() {
			return b.Addr.Compare(a.Addr)
		}
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	return claims, err
}

func (s *Store) path(name string) string { return filepath.Join(s.Dir, name) }

func (s *Store) there(name string) bool {
	_, err := os.Lstat(s.path(name))
	return err == nil
}

func (s *Store) claims(name string) ipam.Claims {
	return ipam.Claims(filepath.Join(s.path(name), "ips"))
}

func (s *Store) exists(id string) bool { return s.Exists == nil || s.Exists(id) }

func (s *Store) running(id string) bool { return s.Running == nil || s.Running(id) }
