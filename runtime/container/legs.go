package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
)

// legsRecord is containers/<id>/legs.json: the endpoints that a container has
// once some came or went after its creation. The configuration, which never
// changes, says those of the beginning. Only the holder of the monitor lock
// writes it.
type legsRecord struct {
	Endpoints []network.Endpoint `json:"endpoints"`
}

func (s *Store) legsPath(id string) string { return filepath.Join(s.Dir(id), "legs.json") }

// applyLegs puts the endpoints of today into the configuration.
func (s *Store) applyLegs(c *Config) error {
	var rec legsRecord
	err := s.readRecord(c.ID, s.legsPath(c.ID), &rec)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		c.Network.Endpoints = rec.Endpoints
	}
	return err
}

// keepLegs drops the claims of legs that were on their way when a command or a
// monitor was killed.
func (s *Store) keepLegs(c Config) error {
	if s.applyLegs(&c) != nil {
		return nil // damaged: all are kept, and whoever reads the container says so
	}
	return s.Networks.Keep(c.ID, c.Network.Endpoints)
}

// SetLegs writes down which endpoints the container has from now on.
func (h *Handle) SetLegs(eps []network.Endpoint) error {
	return jsonfile.Write(h.store.legsPath(h.ID), legsRecord{eps}, 0o600)
}

// PlanLeg decides on one more leg, and claims what it needs. It returns all the
// endpoints of the container; undo gives the claims back. Nothing is written
// down before SetLegs.
func (h *Handle) PlanLeg(c *Config, req network.Request) (eps []network.Endpoint, undo func(), err error) {
	cfg, err := h.store.Networks.Get(req.Network)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case c.Network.Mode == network.Host:
		return nil, nil, fmt.Errorf("container %s has the host's own network (--network host): no other can be added", c.Name)
	case cfg.Predefined():
		return nil, nil, fmt.Errorf("network %s is none to connect to: disconnect the container from the others instead", cfg.Name)
	}
	for _, ep := range c.Network.Endpoints {
		if ep.NetworkID == cfg.ID {
			return nil, nil, fmt.Errorf("container %s is already connected to network %s", c.Name, cfg.Name)
		}
	}
	host, err := h.store.HostID()
	if err != nil {
		return nil, nil, err
	}
	owner := network.Owner{ID: c.ID, Name: c.Name, HostID: host}
	return h.store.Networks.PlanMore(owner, c.Network.Endpoints, []network.Request{req})
}

// Ahead begins the network of a container that is about to start, in a namespace
// that its monitor is to have. Where rules say what may come in, they come first,
// and they are the monitor's.
func (h *Handle) Ahead(ctx context.Context, ns *network.Namespace, c *Config) {
	if len(c.Network.Allow) > 0 {
		return
	}
	h.store.Networks.Ahead(ctx, ns, c.LeaseOwner(), c.Network.Endpoints)
}

// Connect adds a leg to a container that does not run.
func (h *Handle) Connect(req network.Request) error {
	c, err := h.Config()
	if err != nil {
		return err
	}
	eps, undo, err := h.PlanLeg(&c, req)
	if err != nil {
		return err
	}
	if err := h.SetLegs(eps); err != nil {
		undo()
		return err
	}
	h.store.EmitLeg("connect", &c, eps[len(eps)-1])
	return nil
}

// Disconnect takes a container that does not run off a network.
func (h *Handle) Disconnect(nameOrID string) error {
	c, err := h.Config()
	if err != nil {
		return err
	}
	left, gone, err := h.store.SplitLegs(&c, nameOrID)
	if err != nil {
		return err
	}
	// First the record: a claim that it doesn't know is dropped by whoever
	// finds it.
	if err := h.SetLegs(left); err != nil {
		return err
	}
	return h.store.DropLegs(&c, gone)
}

// SplitLegs tells the endpoints on a network from the others, which lead out
// by now. The network itself may be gone.
func (s *Store) SplitLegs(c *Config, nameOrID string) (left, gone []network.Endpoint, err error) {
	cfg, err := s.Networks.Get(nameOrID)
	if err != nil {
		cfg.Name, cfg.ID = nameOrID, nameOrID
	}
	for _, ep := range c.Network.Endpoints {
		if ep.NetworkID == cfg.ID || ep.Network == cfg.Name {
			gone = append(gone, ep)
		} else {
			left = append(left, ep)
		}
	}
	if len(gone) == 0 {
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, fmt.Errorf("container %s is not connected to network %s", c.Name, cfg.Name)
	}
	network.Lead(left)
	return left, gone, nil
}

// DropLegs gives up the claims of endpoints that the container has no more.
func (s *Store) DropLegs(c *Config, gone []network.Endpoint) error {
	s.giveBack(c, gone)
	var errs []error
	for _, ep := range gone {
		errs = append(errs, s.Networks.ReleaseLeg(c.ID, ep.ID))
		s.EmitLeg("disconnect", c, ep)
	}
	return errors.Join(errs...)
}

// EmitLeg tells that a container came to a network, or left it.
func (s *Store) EmitLeg(action string, c *Config, ep network.Endpoint) {
	_ = s.Emit(Event{Type: "network", Action: action, ID: ep.NetworkID, Name: ep.Network, Attributes: map[string]string{
		"container": c.ID, "containerName": c.Name, "interface": ep.IfName,
	}})
}
