package store

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// choose picks the next free address of one of the network's pools. Addresses
// of containers that are no more are still to be had, when no other is.
func (p *plan) choose(l *leg, w *want, others []network.Config) error {
	err := p.chooseFree(l, w, others)
	if !errors.Is(err, ipam.ErrExhausted) {
		return err
	}
	if err := p.store.dropStale(others); err != nil {
		return err
	}
	return p.chooseFree(l, w, others)
}

func (p *plan) chooseFree(l *leg, w *want, others []network.Config) error {
	used, err := p.store.usedOn(others)
	if err != nil {
		return err
	}
	hint := p.store.hint(l.net.Name, w.v6)
	prev := hint.read()
	var full error
	pools := inTurn(l.pools(w.v6), prev)
	for i, sub := range pools {
		a, err := sub.Next(prev, func(a netip.Addr) bool {
			return used[a] || i == 0 && sub.Prefix.Contains(prev) && a.Compare(prev) <= 0
		})
		if err != nil {
			if i < len(l.pools(w.v6)) { // behind those is the first once more
				full = join(full, err)
			}
			continue
		}
		w.addr, w.bits = a, sub.Prefix.Bits()
		l.through(sub)
		hint.write(a)
		return nil
	}
	return fmt.Errorf("network %s: %w", l.net.Name, full)
}

func join(a, b error) error {
	if a == nil {
		return b
	}
	return fmt.Errorf("%w; %w", a, b)
}

// inTurn puts the pools in the order to look through them: from where the last
// address came from on, and at the end once more the beginning of that pool. A
// just-freed address is so given again only when all others were.
func inTurn(pools []network.Subnet, prev netip.Addr) []network.Subnet {
	i := slices.IndexFunc(pools, func(s network.Subnet) bool { return s.Prefix.Contains(prev) })
	if i < 0 {
		return pools
	}
	return slices.Concat(pools[i:], pools[:i], pools[i:i+1])
}

// usedOn are the addresses that somebody has on the wire, as far as the
// networks of the segment know. A neighbour network's gateway is a host, too.
func (s *Store) usedOn(nets []network.Config) (map[netip.Addr]bool, error) {
	used := map[netip.Addr]bool{}
	for _, cfg := range nets {
		addrs, err := s.claims(cfg.Name).Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			used[a] = true
		}
		for _, sub := range cfg.Subnets {
			used[sub.Gateway] = true
		}
	}
	return used, nil
}

// hint is the file of the address given last. Lost, the search begins at the
// subnet's start.
type hint string

func (s *Store) hint(name string, v6 bool) hint {
	file := "last"
	if v6 {
		file = "last6"
	}
	return hint(filepath.Join(s.path(name), file))
}

func (h hint) read() netip.Addr {
	data, _ := os.ReadFile(string(h))
	prev, _ := netip.ParseAddr(string(data))
	return prev
}

func (h hint) write(a netip.Addr) { _ = os.WriteFile(string(h), []byte(a.String()), 0o644) }
