package engine

import (
	"context"
	"errors"
	"net/netip"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Networks is what can be done with networks. Wherever a method takes a ref, it
// is a name, an ID or the beginning of one; one that fits none is a NotFound.
type Networks struct{ store *container.Store }

// Create makes a network of a configuration whose defaults it fills in. Nothing
// is made in the kernel: the sub-interface comes with the first container.
func (ns *Networks) Create(_ context.Context, cfg network.Config) (network.Config, error) {
	made, err := ns.store.Networks.Create(cfg)
	return made, typed(Network, cfg.Name, err)
}

// Get returns a network.
func (ns *Networks) Get(_ context.Context, ref string) (network.Config, error) {
	cfg, err := ns.store.Networks.Get(ref)
	return cfg, typed(Network, ref, err)
}

// List returns all networks by name, the predefined ones among them. Records
// that can't be read are left out and named in the error; the rest is good.
func (ns *Networks) List(context.Context) ([]network.Config, error) { return ns.store.Networks.List() }

// Used tells whether a container, running or not, is on the network; none and
// host, which are always there, count as used.
func (ns *Networks) Used(_ context.Context, cfg network.Config) bool {
	if cfg.Predefined() {
		return true
	}
	claims, _ := ns.store.Networks.Claims(cfg.Name)
	return len(claims) > 0
}

// Remove removes a network that no container is on; of any other it is an InUse.
func (ns *Networks) Remove(_ context.Context, ref string) error {
	return typed(Network, ref, ns.store.Networks.Remove(ref))
}

// Prune removes the networks that no container is on and that fits says yes to,
// and returns their names. The error is of those that stay.
func (ns *Networks) Prune(ctx context.Context, fits func(network.Config) bool) (removed []string, err error) {
	all, err := ns.List(ctx)
	errs := []error{err}
	for _, cfg := range all {
		if ns.Used(ctx, cfg) || !fits(cfg) {
			continue
		}
		err := ns.store.Networks.Remove(cfg.Name)
		switch {
		case err == nil:
			removed = append(removed, cfg.Name)
		case !isAny(err, network.ErrInUse, network.ErrNotFound): // by now
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}

// Release frees an address that a stopped container still has. It is refused
// while that runs: it would go on to use it.
func (ns *Networks) Release(_ context.Context, ref string, addr netip.Addr) error {
	return typed(Network, ref, ns.store.Networks.ReleaseAddr(ref, addr))
}

// Connect puts a container, running or not, on the network that the request
// names.
func (ns *Networks) Connect(ctx context.Context, ctr string, req network.Request) (warnings []string, err error) {
	id, err := find(ns.store, ctr)
	if err != nil {
		return nil, err
	}
	if req.Network != "" { // a monitor's answer is a text and has no type
		if _, err := ns.Get(ctx, req.Network); err != nil {
			return nil, err
		}
	}
	ask := protocol.Request{Op: protocol.OpConnect, Endpoint: req}
	warnings, err = change(ctx, ns.store, id, ask, func(h *container.Handle) error { return h.Connect(req) })
	return warnings, typed(Network, req.Network, err)
}

// Disconnect takes a container, running or not, off a network. With force, a
// container that is not there, or not on it, is no error.
func (ns *Networks) Disconnect(ctx context.Context, ctr, ref string, force bool) error {
	cont, err := (&Containers{ns.store}).Get(ctx, ctr)
	var gone *NotFound
	if errors.As(err, &gone) && force {
		return nil // what it may have left went as it was looked for
	}
	if err != nil {
		return err
	}
	if _, _, err := ns.store.Endpoints().Split(&cont.Config, ref); err != nil {
		if force {
			return nil
		}
		return err
	}
	ask := protocol.Request{Op: protocol.OpDisconnect, Endpoint: network.Request{Network: ref}}
	_, err = change(ctx, ns.store, cont.Config.ID, ask, func(h *container.Handle) error { return h.Disconnect(ref) })
	return typed(Network, ref, err)
}
