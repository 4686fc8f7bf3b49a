package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mvrun/mvrun/network/ipam"
)

// plan is one run of Plan: everything is decided in it, under the lock, before
// the first claim is made.
type plan struct {
	store *Store
	host  host
	owner Owner
	legs  []*leg
	made  []string // implicit networks that this plan made
	taken []taken  // claims that this plan made
}

type taken struct {
	claims ipam.Claims
	claim  ipam.Claim
}

// leg is a request on its way to an endpoint.
type leg struct {
	Request
	net  Config
	ep   Endpoint
	addr netip.Addr // asked for, or chosen
	bits int
	auto bool // to be chosen
}

// Plan turns the requested legs into endpoints: it resolves and checks all of
// them, then claims their addresses. On an error nothing is claimed. undo
// gives everything back, also an implicit network made for it; it is for a
// creation that fails later on.
//
// A request of --network none is no leg; there is no endpoint for it.
func (s *Store) Plan(owner Owner, reqs []Request) (eps []Endpoint, undo func(), err error) {
	if owner.ID == "" || strings.ContainsAny(owner.ID, "/@") {
		return nil, nil, fmt.Errorf("container ID %q is not valid", owner.ID)
	}
	reqs = slices.DeleteFunc(slices.Clone(reqs), func(r Request) bool { return r.Network == None })
	if len(reqs) == 0 {
		return nil, func() {}, nil
	}
	h, err := openHost()
	if err != nil {
		return nil, nil, err
	}
	defer h.Close()
	unlock, err := s.lock()
	if err != nil {
		return nil, nil, err
	}
	defer unlock()

	p := &plan{store: s, host: h, owner: owner}
	if err := p.run(reqs); err != nil {
		p.undo()
		return nil, nil, err
	}
	for _, l := range p.legs {
		eps = append(eps, l.ep)
	}
	return eps, func() {
		if unlock, err := s.lock(); err == nil {
			defer unlock()
			p.undo()
		}
	}, nil
}

func (p *plan) run(reqs []Request) error {
	for i, req := range reqs {
		l := &leg{Request: req}
		if err := p.resolve(l); err != nil {
			return err
		}
		if err := p.decide(l, i); err != nil {
			return err
		}
		p.legs = append(p.legs, l)
	}
	if err := p.distinct(); err != nil {
		return err
	}
	// Who asked for an address comes first, lest the automatic ones take it.
	for _, auto := range []bool{false, true} {
		for _, l := range p.legs {
			if l.auto == auto {
				if err := p.claim(l); err != nil {
					return err
				}
			}
		}
	}
	p.defaultRoutes()
	return nil
}

// distinct refuses what two legs of one container can't share.
func (p *plan) distinct() error {
	for i, a := range p.legs {
		for _, b := range p.legs[:i] {
			switch {
			case a.ep.IfName == b.ep.IfName:
				return fmt.Errorf("two interfaces named %s in one container", a.ep.IfName)
			case a.ep.Segment == b.ep.Segment && a.ep.MAC != "" && a.ep.MAC == b.ep.MAC:
				return fmt.Errorf("MAC address %s twice on %s", a.ep.MAC, a.ep.Segment)
			}
		}
	}
	return nil
}

// defaultRoutes gives the first leg with a gateway the default route, one for
// each family.
func (p *plan) defaultRoutes() {
	var four, six bool
	for _, l := range p.legs {
		if l.ep.Gateway.IsValid() && !four {
			l.ep.Default, four = true, true
		}
		if l.ep.Gateway6.IsValid() && !six {
			l.ep.Default6, six = true, true
		}
	}
}

// undo takes back what the plan did, in reverse, under the lock.
func (p *plan) undo() {
	for _, t := range slices.Backward(p.taken) {
		_ = t.claims.Drop(t.claim)
	}
	for _, name := range slices.Backward(p.made) {
		_ = p.store.dropIfUnused(name)
	}
	p.taken, p.made = nil, nil
}

// claim takes the leg's address, or marks its presence without one.
func (p *plan) claim(l *leg) error {
	others, err := p.store.onSegment(l.net.Segment)
	if err != nil {
		return err
	}
	if err := p.macFree(l, others); err != nil {
		return err
	}
	if l.auto {
		err := p.choose(l, others)
		if errors.Is(err, ipam.ErrExhausted) {
			// Addresses of containers that are no more are still to be had.
			if err := p.store.dropStale(others); err != nil {
				return err
			}
			err = p.choose(l, others)
		}
		if err != nil {
			return err
		}
	} else if err := p.addrFree(l, others); err != nil {
		return err
	}
	c := ipam.Claim{
		Container: p.owner.ID, Name: p.owner.Name, Endpoint: l.ep.ID,
		IfName: l.ep.IfName, MAC: l.ep.MAC, Addr: l.addr, Bits: l.bits,
	}
	claims := p.store.claims(l.net.Name)
	if err := claims.Take(c); err != nil {
		return fmt.Errorf("network %s: %w", l.net.Name, err)
	}
	p.taken = append(p.taken, taken{claims, c})
	if l.addr.IsValid() {
		l.ep.Addrs = []netip.Prefix{netip.PrefixFrom(l.addr, l.bits)}
	}
	return nil
}

// addrFree looks at every network of the segment: an address is one host's on
// the wire, whatever the networks on it are called. Claims of containers that
// are no more are dropped on the way.
func (p *plan) addrFree(l *leg, others []Config) error {
	for _, other := range others {
		claims, err := p.store.readable(other.Name)
		if err != nil {
			return err
		}
		for _, c := range claims {
			if !c.Addr.IsValid() || c.Addr != l.addr {
				continue
			}
			if p.store.exists(c.Container) {
				return fmt.Errorf("network %s: %w", other.Name, &ipam.ClaimedError{Claim: c})
			}
			if err := p.store.claims(other.Name).Drop(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *plan) macFree(l *leg, others []Config) error {
	if l.MAC == "" {
		return nil
	}
	for _, other := range others {
		claims, _ := p.store.readable(other.Name)
		for _, c := range claims {
			if c.MAC == l.ep.MAC && p.store.exists(c.Container) {
				return fmt.Errorf("MAC address %s is already used on %s by container %s", c.MAC, l.net.Segment, c.Who())
			}
		}
	}
	return nil
}

// choose picks the next free address of the network's first subnet that has
// one.
func (p *plan) choose(l *leg, others []Config) error {
	used := map[netip.Addr]bool{}
	for _, other := range others {
		addrs, err := p.store.claims(other.Name).Addrs()
		if err != nil {
			return err
		}
		for _, a := range addrs {
			used[a] = true
		}
		for _, sub := range other.Subnets {
			used[sub.Gateway] = true // the gateway of a neighbour network is a host on this wire, too
		}
	}
	hint := filepath.Join(p.store.path(l.net.Name), "last")
	data, _ := os.ReadFile(hint)
	prev, _ := netip.ParseAddr(string(data))
	var errs []error
	for _, sub := range l.pools() {
		a, err := sub.Next(prev, func(a netip.Addr) bool { return used[a] })
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.addr, l.bits = a, sub.Prefix.Bits()
		l.through(sub)
		// A hint alone: lost, the search begins at the subnet's start.
		_ = os.WriteFile(hint, []byte(a.String()), 0o644)
		return nil
	}
	return fmt.Errorf("network %s: %w", l.net.Name, errors.Join(errs...))
}
