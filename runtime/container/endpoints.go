package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/prestart"
)

// endpointsRecord is containers/<id>/legs.json: the endpoints that a container has
// now. It is there once one was added or removed after the creation; until then
// those of the configuration hold. Only the holder of the container's lock writes
// it.
type endpointsRecord struct {
	Endpoints []network.Endpoint `json:"endpoints"`
}

// Endpoints are the containers' endpoints, as their records have them.
type Endpoints struct{ store *Store }

func (l Layout) endpointsPath(id string) string { return filepath.Join(l.Dir(id), "legs.json") }

// apply puts the endpoints of today into the configuration.
func (e Endpoints) apply(c *Config) error {
	var rec endpointsRecord
	err := e.store.readRecord(c.ID, e.store.endpointsPath(c.ID), &rec)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		c.Network.Endpoints = rec.Endpoints
	}
	return err
}

// keep drops the claims of endpoints that were on their way when a command or a
// monitor was killed.
func (e Endpoints) keep(c Config) error {
	if e.apply(&c) != nil {
		return nil // damaged: all are kept, and whoever reads the container says so
	}
	return e.store.Networks.ReleaseExcept(c.ID, c.Network.Endpoints)
}

// SetEndpoints writes down which endpoints the container has from now on.
func (h *Handle) SetEndpoints(eps []network.Endpoint) error {
	return jsonfile.Write(h.store.endpointsPath(h.ID), endpointsRecord{eps}, 0o600)
}

// PlanEndpoint decides on one more endpoint, and claims its addresses. It returns all
// the endpoints of the container; undo releases the new claims. The record changes
// with SetEndpoints only.
func (h *Handle) PlanEndpoint(c *Config, req network.Request) (eps []network.Endpoint, undo func(), err error) {
	cfg, err := h.store.Networks.Get(req.Network)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case c.Network.Mode == network.Host:
		return nil, nil, fmt.Errorf("container %s has the host's own network: no other can be added", c.Name)
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

// Prestart begins the network of a container that is about to start, in a namespace
// that its monitor takes over. It does nothing for a container with firewall rules:
// they have to be in place before any interface, and the monitor makes them.
func (h *Handle) Prestart(ctx context.Context, start *prestart.Start, c *Config) {
	if len(c.Network.Allow) > 0 {
		return
	}
	start.Begin(ctx, h.store.Interfaces, c.LeaseOwner(), c.Network.Endpoints)
}

// Connect adds an endpoint to a container that does not run.
func (h *Handle) Connect(req network.Request) error {
	c, err := h.Config()
	if err != nil {
		return err
	}
	eps, undo, err := h.PlanEndpoint(&c, req)
	if err != nil {
		return err
	}
	if err := h.SetEndpoints(eps); err != nil {
		undo()
		return err
	}
	h.store.Endpoints().Announce("connect", &c, eps[len(eps)-1])
	return nil
}

// Disconnect takes a container that does not run off a network.
func (h *Handle) Disconnect(nameOrID string) error {
	c, err := h.Config()
	if err != nil {
		return err
	}
	left, gone, err := h.store.Endpoints().Split(&c, nameOrID)
	if err != nil {
		return err
	}
	// First the record: a claim that it doesn't know is dropped by whoever
	// finds it.
	if err := h.SetEndpoints(left); err != nil {
		return err
	}
	return h.store.Endpoints().Drop(&c, gone)
}

// Split separates the endpoints on a network from the others, one of which gets the
// default route if it was among those. The network may have been removed.
func (e Endpoints) Split(c *Config, nameOrID string) (left, gone []network.Endpoint, err error) {
	cfg, err := e.store.Networks.Get(nameOrID)
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
	network.ChooseDefaultRoutes(left)
	return left, gone, nil
}

// Drop releases the leases and the claims of endpoints that the container no longer
// has, and announces each.
func (e Endpoints) Drop(c *Config, gone []network.Endpoint) error {
	e.store.leases().release(c, gone)
	var errs []error
	for _, ep := range gone {
		errs = append(errs, e.store.Networks.ReleaseEndpoint(c.ID, ep.ID))
		e.Announce("disconnect", c, ep)
	}
	return errors.Join(errs...)
}

// Announce appends the event that a container was connected to a network, or
// disconnected from it.
func (e Endpoints) Announce(action string, c *Config, ep network.Endpoint) {
	_ = e.store.Events().Append(Event{Type: "network", Action: action, ID: ep.NetworkID, Name: ep.Network, Attributes: map[string]string{
		"container": c.ID, "containerName": c.Name, "interface": ep.IfName,
	}})
}
