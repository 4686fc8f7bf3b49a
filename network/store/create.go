package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/internal/hexid"
	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
	"github.com/mvrun/mvrun/network/trunk"
)

// Create checks the network, fills in its defaults and stores it. Nothing is
// made in the kernel: the sub-interface comes with the first container.
func (s *Store) Create(cfg network.Config) (network.Config, error) {
	if err := cfg.Complete(); err != nil {
		return network.Config{}, err
	}
	h, err := trunk.Open()
	if err != nil {
		return network.Config{}, err
	}
	defer h.Close()
	parent, err := h.Parent(cfg.Parent)
	if err != nil {
		return network.Config{}, err
	}
	if err := suits(cfg, parent); err != nil {
		return network.Config{}, err
	}
	cfg.Parent = parent.Attrs().Name // an alternative name is another one tomorrow
	unlock, err := s.lock()
	if err != nil {
		return network.Config{}, err
	}
	defer unlock()
	if err := s.fits(&cfg); err != nil {
		return network.Config{}, err
	}
	if cfg, err = s.write(cfg); err != nil {
		return network.Config{}, err
	}
	if err := s.syncOne(cfg.Name); err != nil {
		return network.Config{}, errors.Join(fmt.Errorf("create network %s: %w", cfg.Name, err), s.drop(cfg.Name))
	}
	return cfg, nil
}

// fits checks a network against those that are there.
func (s *Store) fits(cfg *network.Config) error {
	if s.there(cfg.Name) {
		return fmt.Errorf("network with name %s %w", cfg.Name, network.ErrExists)
	}
	others, err := s.onSegment(cfg.Segment)
	if err != nil {
		return err
	}
	for _, other := range others {
		if why := cfg.Mode.Company(other.Mode); why != "" && !other.Implicit {
			return fmt.Errorf("network %s is on %s already, and %s", other.Name, cfg.Segment, why)
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

func overlap(cfg, other network.Config) error {
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

func (s *Store) gatewaysFree(cfg network.Config, others []network.Config) error {
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
func (s *Store) onSegment(seg network.Segment) ([]network.Config, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	var found []network.Config
	for _, name := range names {
		if cfg, err := s.read(name); err == nil && cfg.Segment == seg {
			found = append(found, cfg)
		}
	}
	return found, nil
}

// write makes the network appear whole or not at all: a scratch directory is
// renamed into place. A power cut before sync may leave an empty record.
func (s *Store) write(cfg network.Config) (network.Config, error) {
	cfg.ID = hexid.New()
	if cfg.Created.IsZero() {
		cfg.Created = time.Now().UTC()
	}
	scratch := filepath.Join(s.Dir, ".new-"+cfg.ID[:12])
	if err := os.Mkdir(scratch, 0o755); err != nil {
		return network.Config{}, fmt.Errorf("create network %s: %w", cfg.Name, err)
	}
	data, err := json.Marshal(cfg)
	if err == nil {
		err = os.WriteFile(filepath.Join(scratch, configFile), append(data, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(scratch, s.path(cfg.Name))
	}
	if err != nil {
		return network.Config{}, errors.Join(fmt.Errorf("create network %s: %w", cfg.Name, err), os.RemoveAll(scratch))
	}
	return cfg, nil
}

// syncOne makes a network's record outlive a power cut.
func (s *Store) syncOne(name string) error {
	return errors.Join(jsonfile.Sync(filepath.Join(s.path(name), configFile)), jsonfile.SyncDir(s.Dir))
}

// Sync makes the networks of the endpoints outlive a power cut, those too
// that Plan has made. It is for before the container that needs them does.
func (s *Store) Sync(eps []network.Endpoint) error {
	var errs []error
	for _, ep := range eps {
		errs = append(errs, s.syncOne(ep.Network))
	}
	return errors.Join(errs...)
}

// Claims are the claims on a network by address, those without one last.
func (s *Store) Claims(name string) ([]ipam.Claim, error) {
	if !network.NameRE.MatchString(name) {
		return nil, fmt.Errorf("network %s %w", name, network.ErrNotFound)
	}
	claims, err := s.claims(name).List()
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

// suits refuses a parent that can't have the network.
func suits(c network.Config, parent netlink.Link) error {
	if err := trunk.Suits(parent, c.Mode); err != nil {
		return err
	}
	if c.Outer != 0 && c.VLANDriver == network.DriverEBPF {
		return trunk.NoQinQError(c.Segment)
	}
	if mtu := parent.Attrs().MTU; c.MTU > mtu {
		return fmt.Errorf("MTU %d is above the %d of parent %s", c.MTU, mtu, parent.Attrs().Name)
	}
	return nil
}

// giveHostAddresses decides, under the lock, on the addresses that the host
// has on the network: kept for it as auxiliary ones are. With an address asked
// for it is that one alone, else one of each subnet.
func (s *Store) giveHostAddresses(cfg *network.Config, others []network.Config) error {
	if cfg.HostAccess == "" {
		return nil
	}
	used, err := s.usedOn(others)
	if err != nil {
		return err
	}
	for i := range cfg.Subnets {
		sub := &cfg.Subnets[i]
		_, given := sub.Aux[network.HostAddrName]
		if given || cfg.HostAccess != "true" {
			continue
		}
		a, err := sub.Next(netip.Addr{}, func(a netip.Addr) bool { return used[a] })
		if err != nil {
			return fmt.Errorf("host access: %w", err)
		}
		sub.Keep(network.HostAddrName, a)
	}
	for _, a := range cfg.HostAddrs() {
		if err := s.addrFree(a, others); err != nil {
			return fmt.Errorf("host access: %w", err)
		}
	}
	return nil
}
