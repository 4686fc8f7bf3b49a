package monitor

import (
	"context"
	"errors"
	"fmt"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

// connect adds a leg to the container while it runs, or, between two lives,
// for the next one. What fails is undone, and nothing has changed.
func (m *Monitor) connect(req network.Request) (warnings []string, err error) {
	m.legs.Lock()
	defer m.legs.Unlock()
	if m.ended {
		return nil, m.named(errNotLive)
	}
	eps, undo, err := m.handle.PlanLeg(&m.config, req)
	if err != nil {
		return nil, err
	}
	added := eps[len(eps)-1]
	if m.life != nil {
		warnings, err = m.attachMore(m.life, eps, added)
	}
	if err == nil {
		err = m.handle.SetLegs(eps)
	}
	if err != nil {
		err = errors.Join(err, m.takeBack(added))
		undo()
		return nil, err
	}
	m.config.Network.Endpoints = eps
	m.legsChanged()
	m.store.EmitLeg("connect", &m.config, added)
	return warnings, nil
}

func (m *Monitor) attachMore(l *life, eps []network.Endpoint, added network.Endpoint) (warnings []string, err error) {
	before := len(l.warnings)
	// Its default route is Reroute's: another leg has one still.
	plain := added
	plain.Default, plain.Default6 = false, false
	if err := m.attachLeg(context.Background(), l, plain); err != nil {
		return nil, err
	}
	if err := m.store.Networks.Reroute(l.ns, eps); err != nil {
		return nil, err
	}
	return l.warnings[before:], m.startLeg(l, added)
}

// takeBack removes the leg again that could not be added.
func (m *Monitor) takeBack(ep network.Endpoint) error {
	if m.life == nil {
		return nil
	}
	return errors.Join(m.store.Networks.Reroute(m.life.ns, m.config.Network.Endpoints), m.life.dropLeg(ep.IfName))
}

// disconnect takes the container off a network. The record comes first: who
// finds a monitor killed after it drops what the record does not know.
func (m *Monitor) disconnect(nameOrID string) error {
	m.legs.Lock()
	defer m.legs.Unlock()
	if m.ended {
		return m.named(errNotLive)
	}
	left, gone, err := m.store.SplitLegs(&m.config, nameOrID)
	if err != nil {
		return err
	}
	if err := m.handle.SetLegs(left); err != nil {
		return err
	}
	m.config.Network.Endpoints = left
	var errs []error
	if m.life != nil {
		errs = append(errs, m.store.Networks.Reroute(m.life.ns, left))
		for _, ep := range gone {
			errs = append(errs, m.life.dropLeg(ep.IfName))
		}
	}
	errs = append(errs, m.store.DropLegs(&m.config, gone))
	m.legsChanged()
	return errors.Join(errs...)
}

// legsChanged writes down what the container is attached to now.
func (m *Monitor) legsChanged() {
	if m.life == nil {
		return
	}
	at := m.life.attachments()
	m.setState(func(s *runtime.State) { s.Attachments = at })
}

// leg is one of a life's ways to the LAN.
type leg struct {
	at   network.Attachment
	undo func() error
}

// attachLeg builds a leg in the life's namespace.
func (m *Monitor) attachLeg(ctx context.Context, l *life, ep network.Endpoint) error {
	owner := network.Owner{ID: m.config.ID, Name: m.config.Name}
	at, undo, err := m.store.Networks.Attach(ctx, l.ns, owner, ep)
	if err != nil {
		return err
	}
	l.legs = append(l.legs, leg{at, undo})
	l.warnings = append(l.warnings, at.Warnings...)
	return nil
}

// startLeg tells the LAN of a leg that was added to a running container.
func (m *Monitor) startLeg(l *life, ep network.Endpoint) error {
	if err := m.store.Networks.Announce(context.Background(), l.ns, []network.Endpoint{ep}); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	return nil
}

// dropLeg undoes one leg of the life; one that there is none of is undone.
func (l *life) dropLeg(ifName string) error {
	for i, g := range l.legs {
		if g.at.IfName == ifName {
			l.legs = append(l.legs[:i:i], l.legs[i+1:]...)
			return g.undo()
		}
	}
	return nil
}

func (l *life) attachments() (all []network.Attachment) {
	for _, g := range l.legs {
		all = append(all, g.at)
	}
	return all
}
