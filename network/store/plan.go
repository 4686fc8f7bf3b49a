package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// plan is one run of Plan: everything is decided in it, under the lock, before
// the first claim is made.
type plan struct {
	store  *Store
	handle trunk.Handle
	owner  network.Owner
	have   []network.Endpoint // that the container has already
	legs   []*leg
	made   []string // implicit networks that this plan made
	taken  []taken  // claims that this plan made
}

// leg is a request on its way to an endpoint.
type leg struct {
	network.Request
	net   network.Config
	ep    network.Endpoint
	wants []want // its addresses, IPv4 first
}

// Plan turns the requested legs into endpoints: it resolves and checks all of
// them, then claims their addresses. On an error nothing is claimed. undo
// gives everything back, also an implicit network made for it; it is for a
// creation that fails later on.
//
// A request of --network none is no leg; there is no endpoint for it.
func (s *Store) Plan(owner network.Owner, reqs []network.Request) (eps []network.Endpoint, undo func(), err error) {
	return s.PlanMore(owner, nil, reqs)
}

// PlanMore is Plan for a container that has legs already. It returns those,
// too: another one may lead out by now.
func (s *Store) PlanMore(owner network.Owner, have []network.Endpoint, reqs []network.Request) (eps []network.Endpoint, undo func(), err error) {
	if owner.ID == "" || strings.ContainsAny(owner.ID, "/@") {
		return nil, nil, fmt.Errorf("container ID %q is not valid", owner.ID)
	}
	reqs = slices.DeleteFunc(slices.Clone(reqs), func(r network.Request) bool { return r.Network == network.None })
	if len(reqs) == 0 {
		return slices.Clone(have), func() {}, nil
	}
	h, err := trunk.Open()
	if err != nil {
		return nil, nil, err
	}
	defer h.Close()
	unlock, err := s.lock()
	if err != nil {
		return nil, nil, err
	}
	defer unlock()

	p := &plan{store: s, handle: h, owner: owner, have: have}
	if err := p.run(reqs); err != nil {
		p.undo()
		return nil, nil, err
	}
	eps = slices.Clone(have)
	for _, l := range p.legs {
		eps = append(eps, l.ep)
	}
	network.ChooseDefaultRoutes(eps)
	return eps, func() {
		if unlock, err := s.lock(); err == nil {
			defer unlock()
			p.undo()
		}
	}, nil
}

func (p *plan) run(reqs []network.Request) error {
	for _, req := range reqs {
		l := &leg{Request: req}
		if err := p.resolve(l); err != nil {
			return err
		}
		if err := p.decide(l, p.place(reqs)); err != nil {
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
			if err := p.claim(l, auto); err != nil {
				return err
			}
		}
	}
	for _, l := range p.legs {
		if err := p.settle(l); err != nil {
			return err
		}
	}
	return nil
}

// place is the next leg's: its position, or, in a container that legs came to
// and went from, the first whose name is free.
func (p *plan) place(reqs []network.Request) int {
	used := map[string]bool{}
	for _, req := range reqs {
		used[req.IfName] = true
	}
	for _, ep := range p.endpoints() {
		used[ep.IfName] = true
	}
	n := 0
	if len(p.have) == 0 {
		n = len(p.legs)
	}
	for used["eth"+strconv.Itoa(n)] {
		n++
	}
	return n
}

func (p *plan) endpoints() []network.Endpoint {
	eps := slices.Clone(p.have)
	for _, l := range p.legs {
		eps = append(eps, l.ep)
	}
	return eps
}

// distinct refuses what two legs of one container can't share.
func (p *plan) distinct() error {
	eps := p.endpoints()
	for i, a := range eps {
		for _, b := range eps[:i] {
			switch {
			case a.IfName == b.IfName:
				return fmt.Errorf("two interfaces named %s in one container", a.IfName)
			case a.Segment == b.Segment && a.MAC != "" && a.MAC == b.MAC:
				return fmt.Errorf("MAC address %s twice on %s", a.MAC, a.Segment)
			}
		}
	}
	return nil
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
