package monitor

import (
	"errors"
	"slices"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/runtime/container"
)

// networking changes what the container is attached to.
type networking struct {
	*base
	changes turn // to change what the container is attached to, and to start and end a run
	telling turn // to tell the neighbours, so that the last word is the newest
}

// view is the container as the owner knows it at one moment.
type view struct {
	config container.Config
	run    *run // nil between two runs
}

// view is an error once the container has ended.
func (n *networking) view() (v view, err error) {
	n.ask(func(s *state) {
		v = view{s.config, s.run}
		if s.ended {
			err = s.named(errNotLive)
		}
	})
	return v, err
}

func (n *networking) notRunning() (err error) {
	n.ask(func(s *state) { err = s.named(errNotLive) })
	return err
}

// connect adds an endpoint to the container while it runs or, between two runs, for
// the next one. What fails is undone, and nothing has changed.
func (n *networking) connect(req network.Request) (warnings []string, err error) {
	release := n.changes.take()
	defer release()
	v, err := n.view()
	if err != nil {
		return nil, err
	}
	if v.run != nil && v.run.ctx.Err() != nil {
		return nil, n.notRunning() // it ends at this moment
	}
	eps, undo, err := n.network.Plan(&v.config, req)
	if err != nil {
		return nil, err
	}
	added := eps[len(eps)-1]
	if v.run != nil {
		warnings, err = n.attachMore(v.run, &v.config, eps, added)
	}
	if err == nil {
		err = n.handle.SetEndpoints(eps)
	}
	if err != nil {
		if v.run != nil && v.run.ctx.Err() != nil {
			err = n.notRunning()
		}
		err = errors.Join(err, n.detachAgain(v, added))
		undo()
		return nil, err
	}
	n.ask(func(s *state) { s.config.Network.Endpoints = eps })
	n.endpointsChanged(v.run)
	v.config.Network.Endpoints = eps
	n.store.Endpoints().Announce("connect", &v.config, added)
	return warnings, nil
}

// attachMore adds an endpoint to a run.
func (n *networking) attachMore(r *run, c *container.Config, eps []network.Endpoint, added network.Endpoint) (warnings []string, err error) {
	// Reroute gives it the default route: so far, another endpoint has that.
	plain := added
	plain.Default, plain.Default6 = false, false
	if err := n.attach(r, c, plain); err != nil {
		return nil, err
	}
	if err := n.reroute(r, eps); err != nil {
		return nil, err
	}
	all := n.standing(r)
	ep := all[len(all)-1]
	n.startEndpoint(ep)
	return ep.Attachment().Warnings, nil
}

// attach builds an endpoint in the run's namespace.
func (n *networking) attach(r *run, c *container.Config, ep network.Endpoint) error {
	standing, err := r.ns.Attach(r.ctx, c.LeaseOwner(), ep, n.hooks(r, ep))
	if err != nil {
		return err
	}
	n.ask(func(*state) { r.endpoints = append(r.endpoints, standing) })
	return nil
}

// startEndpoint lets an endpoint of a container that runs announce and guard its
// addresses.
func (n *networking) startEndpoint(ep Endpoint) {
	ep.Start()
	if at := ep.Attachment(); at.Lease != nil {
		about := leaseAttributes(at.IfName, dhcp.Event{Kind: dhcp.Bound, Lease: *at.Lease}, nil)
		n.ask(func(s *state) { s.emit("lease", about) })
	}
}

// reroute has the default routes go where the endpoints say.
func (n *networking) reroute(r *run, eps []network.Endpoint) error {
	errs := []error{r.ns.Reroute(eps)}
	for _, standing := range n.standing(r) {
		for _, ep := range eps {
			if ep.IfName == standing.Attachment().IfName {
				errs = append(errs, standing.SetDefaultRoute(ep.Default))
			}
		}
	}
	return errors.Join(errs...)
}

// detachAgain removes the endpoint that could not be added.
func (n *networking) detachAgain(v view, added network.Endpoint) error {
	if v.run == nil {
		return nil
	}
	if v.run.ctx.Err() != nil {
		return nil // its namespace goes anyway
	}
	return errors.Join(n.reroute(v.run, v.config.Network.Endpoints), n.detach(v.run, added.IfName))
}

// detach undoes one endpoint of the run, if it stands.
func (n *networking) detach(r *run, ifName string) error {
	var gone Endpoint
	n.ask(func(*state) {
		i := slices.IndexFunc(r.endpoints, func(ep Endpoint) bool { return ep.Attachment().IfName == ifName })
		if i >= 0 {
			gone = r.endpoints[i]
			r.endpoints = slices.Delete(slices.Clone(r.endpoints), i, i+1)
		}
	})
	if gone == nil {
		return nil
	}
	return gone.Undo()
}

// disconnect takes the container off a network. The record comes first: whoever finds
// a monitor killed after that drops what the record does not know.
func (n *networking) disconnect(nameOrID string) error {
	release := n.changes.take()
	defer release()
	v, err := n.view()
	if err != nil {
		return err
	}
	left, gone, err := n.store.Endpoints().Split(&v.config, nameOrID)
	if err != nil {
		return err
	}
	if err := n.handle.SetEndpoints(left); err != nil {
		return err
	}
	n.ask(func(s *state) { s.config.Network.Endpoints = left })
	var errs []error
	if v.run != nil {
		errs = append(errs, n.reroute(v.run, left))
		for _, ep := range gone {
			errs = append(errs, n.detach(v.run, ep.IfName))
		}
	}
	v.config.Network.Endpoints = left
	errs = append(errs, n.network.Drop(&v.config, gone))
	n.endpointsChanged(v.run)
	return errors.Join(errs...)
}

// endpointsChanged brings up to date what is written down of the run's endpoints.
func (n *networking) endpointsChanged(r *run) {
	if r == nil {
		return
	}
	n.ask(func(s *state) {
		s.record.Attachments = r.attachments()
		s.write()
	})
	n.writeFiles(r)
	n.tellNeighbours(r)
}

// writeFiles brings the container's files in /etc up to date.
func (n *networking) writeFiles(r *run) {
	var c container.Config
	n.ask(func(s *state) { c = s.config })
	if err := n.container.WriteFiles(&c, n.attachments(r)); err != nil {
		complain(err)
	}
}

// rename gives the container another name while it runs.
func (n *networking) rename(name string) error {
	release := n.changes.take()
	defer release()
	v, err := n.view()
	if err != nil {
		return err
	}
	if err := n.handle.Rename(name); err != nil {
		return err
	}
	n.ask(func(s *state) { s.config.Name = name })
	if v.run != nil {
		n.tellNeighbours(v.run)
	}
	return nil
}

// standing are the run's endpoints, in the order attached.
func (n *networking) standing(r *run) (all []Endpoint) {
	n.ask(func(*state) { all = slices.Clone(r.endpoints) })
	return all
}

func (n *networking) attachments(r *run) (all []network.Attachment) {
	n.ask(func(*state) { all = r.attachments() })
	return all
}

// attachments is for the owner.
func (r *run) attachments() (all []network.Attachment) {
	for _, ep := range r.endpoints {
		all = append(all, ep.Attachment())
	}
	return all
}

// tellNeighbours makes the container and the others on its networks known to each
// other. That a name is missing keeps no container from running.
func (n *networking) tellNeighbours(r *run) {
	release := n.telling.take()
	defer release()
	var c container.Config
	var at []network.Attachment
	current := false
	n.ask(func(s *state) {
		c, at = s.config, r.attachments()
		current = s.run == r && r.phase != exited // else an endpoint was late with its news
	})
	if !current {
		return
	}
	if err := n.store.Neighbours().Tell(&c, at); err != nil {
		complain(err)
	}
}

// leaveNeighbours makes the others forget the container.
func (n *networking) leaveNeighbours() {
	release := n.telling.take()
	defer release()
	if err := n.store.Neighbours().Forget(n.handle.ID); err != nil {
		complain(err)
	}
}
