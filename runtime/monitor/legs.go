package monitor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/runtime/container"
)

// connect adds a leg to the container while it runs, or, between two lives,
// for the next one. What fails is undone, and nothing has changed.
func (m *Monitor) connect(req network.Request) (warnings []string, err error) {
	m.legs.Lock()
	defer m.legs.Unlock()
	if m.ended {
		return nil, m.named(errNotLive)
	}
	eps, undo, err := m.handle.PlanEndpoint(m.current(), req)
	if err != nil {
		return nil, err
	}
	added := eps[len(eps)-1]
	if m.life != nil {
		warnings, err = m.attachMore(m.life, eps, added)
	}
	if err == nil {
		err = m.handle.SetEndpoints(eps)
	}
	if err != nil {
		err = errors.Join(err, m.takeBack(added))
		undo()
		return nil, err
	}
	m.setEndpoints(eps)
	m.legsChanged()
	m.store.Endpoints().Announce("connect", m.current(), added)
	return warnings, nil
}

func (m *Monitor) attachMore(l *life, eps []network.Endpoint, added network.Endpoint) (warnings []string, err error) {
	// Its default route is Reroute's: another leg has one still.
	plain := added
	plain.Default, plain.Default6 = false, false
	if err := m.attachLeg(context.Background(), l, plain); err != nil {
		return nil, err
	}
	if err := m.reroute(l, eps); err != nil {
		return nil, err
	}
	all := l.all()
	leg := all[len(all)-1]
	m.startLeg(leg)
	return leg.Attachment().Warnings, nil
}

// reroute has the default route go where the endpoints say.
func (m *Monitor) reroute(l *life, eps []network.Endpoint) error {
	return errors.Join(endpoint.Reroute(l.ns, eps), l.lead(eps))
}

// takeBack removes the leg again that could not be added.
func (m *Monitor) takeBack(ep network.Endpoint) error {
	if m.life == nil {
		return nil
	}
	return errors.Join(m.reroute(m.life, m.config.Network.Endpoints), m.life.dropLeg(ep.IfName))
}

// disconnect takes the container off a network. The record comes first: who
// finds a monitor killed after it drops what the record does not know.
func (m *Monitor) disconnect(nameOrID string) error {
	m.legs.Lock()
	defer m.legs.Unlock()
	if m.ended {
		return m.named(errNotLive)
	}
	left, gone, err := m.store.Endpoints().Split(m.current(), nameOrID)
	if err != nil {
		return err
	}
	if err := m.handle.SetEndpoints(left); err != nil {
		return err
	}
	m.setEndpoints(left)
	var errs []error
	if m.life != nil {
		errs = append(errs, m.reroute(m.life, left))
		for _, ep := range gone {
			errs = append(errs, m.life.dropLeg(ep.IfName))
		}
	}
	errs = append(errs, m.store.Endpoints().Drop(m.current(), gone))
	m.legsChanged()
	return errors.Join(errs...)
}

// legsChanged writes down what the container is attached to now.
func (m *Monitor) legsChanged() {
	if m.life == nil {
		return
	}
	at := m.life.attachments()
	m.setState(func(s *container.State) { s.Attachments = at })
	if _, err := m.writeFiles(at, m.etc.change); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
	m.tellNeighbours(m.life)
}

// attachLeg builds a leg in the life's namespace.
func (m *Monitor) attachLeg(ctx context.Context, l *life, ep network.Endpoint) error {
	owner := m.config.LeaseOwner()
	if err := m.store.Networks.Reclaim(owner, ep); err != nil {
		return err
	}
	leg, err := m.store.Interfaces.Attach(ctx, l.ns, owner, ep, m.hooks(l, ep))
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.legs = append(l.legs, leg)
	return nil
}

// startLeg lets a leg of a running container announce and guard its addresses.
func (m *Monitor) startLeg(leg *endpoint.Attached) {
	leg.Start()
	if at := leg.Attachment(); at.Lease != nil {
		m.emit("lease", leaseAttributes(at.IfName, dhcp.Event{Kind: dhcp.Bound, Lease: *at.Lease}, nil))
	}
}

// all are the life's legs, in the order attached.
func (l *life) all() []*endpoint.Attached {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.legs)
}

// dropLeg undoes one leg of the life; one that there is none of is undone.
func (l *life) dropLeg(ifName string) error {
	for i, leg := range l.all() {
		if leg.Attachment().IfName == ifName {
			l.mu.Lock()
			l.legs = slices.Delete(slices.Clone(l.legs), i, i+1)
			l.mu.Unlock()
			return leg.Undo()
		}
	}
	return nil
}

// stopLegs ends what the legs do, before their namespace goes.
func (l *life) stopLegs() {
	for _, leg := range l.all() {
		leg.Stop()
	}
}

// lead tells the legs which of them has the default route by now.
func (l *life) lead(eps []network.Endpoint) error {
	var errs []error
	for _, leg := range l.all() {
		for _, ep := range eps {
			if ep.IfName == leg.Attachment().IfName {
				errs = append(errs, leg.SetDefaultRoute(ep.Default))
			}
		}
	}
	return errors.Join(errs...)
}

// leased tells whether a DHCP server has had a say in the network.
func (l *life) leased() bool {
	return slices.ContainsFunc(l.attachments(), func(at network.Attachment) bool { return at.Lease != nil })
}

func (l *life) attachments() (all []network.Attachment) {
	for _, leg := range l.all() {
		all = append(all, leg.Attachment())
	}
	return all
}
