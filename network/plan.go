package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
