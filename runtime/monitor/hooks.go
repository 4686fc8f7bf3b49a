package monitor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
)

// hooks are what the monitor wants to hear of an endpoint.
func (n *networking) hooks(r *run, ep network.Endpoint) hooks {
	h := hooks{
		conflict:   func(c network.Conflict) { n.conflict(r, c) },
		parentGone: func() { n.tasks.spawn(func(context.Context) { n.rejoin(r, ep) }) },
		addresses:  func(err error) { n.addressesChanged(r, err) },
	}
	if ep.DHCP {
		h.prior = n.handle.ReadLease(ep.ID)
		h.lease = func(e dhcp.Event, err error) { n.leaseChanged(r, ep, e, err) }
	}
	return h
}

// conflict records another host on an address of the container, and emits it.
func (n *networking) conflict(r *run, c network.Conflict) {
	about := map[string]string{
		"address": c.Addr.String(), "mac": c.MAC, "interface": c.IfName, "defended": strconv.FormatBool(c.Defended),
	}
	if c.Container != "" {
		about["by"] = c.Container
	}
	n.ask(func(s *state) {
		if s.live(r) {
			s.record.Conflicts = append(slices.DeleteFunc(slices.Clone(s.record.Conflicts), func(o network.Conflict) bool {
				return o.Addr == c.Addr && o.MAC == c.MAC
			}), c)
			s.write()
		}
		s.emit("conflict", about)
	})
}

// attachmentsChanged records the endpoints of a container that runs; false of one
// that does not.
func (n *networking) attachmentsChanged(r *run) (live bool) {
	n.ask(func(s *state) {
		if live = s.live(r); live {
			s.record.Attachments = r.attachments()
			s.write()
		}
	})
	return live
}

// addressesChanged brings what others know of the container's addresses up to date.
func (n *networking) addressesChanged(r *run, err error) {
	if err != nil {
		complain(err)
	}
	if n.attachmentsChanged(r) {
		n.tellNeighbours(r)
	}
}

// leaseChanged keeps the lease for the next start. If the container runs, it also
// brings up to date what others know of it; if it is just starting, its release does.
func (n *networking) leaseChanged(r *run, ep network.Endpoint, e dhcp.Event, err error) {
	if e.Lease.Valid(n.clock.Now()) {
		if err := n.handle.WriteLease(ep.ID, e.Lease); err != nil {
			complain(err)
		}
	}
	if !n.attachmentsChanged(r) {
		return
	}
	n.writeFiles(r)
	n.tellNeighbours(r)
	if e.Kind != dhcp.Renewed || err != nil {
		about := leaseAttributes(ep.IfName, e, err)
		n.ask(func(s *state) { s.emit("lease", about) })
	}
}

func leaseAttributes(ifName string, e dhcp.Event, err error) map[string]string {
	about := map[string]string{
		"lease": string(e.Kind), "interface": ifName,
		"address": e.Lease.Addr.Addr().String(), "server": e.Lease.Server.String(),
	}
	if e.Reason != "" {
		about["reason"] = e.Reason
	}
	if err != nil {
		about["error"] = err.Error()
	}
	return about
}

// rejoinEvery is how often a monitor looks for a parent that is gone.
const rejoinEvery = time.Second

// rejoin waits for an endpoint's parent to be there again, perhaps as another device
// of that name, and builds the endpoint anew: the kernel has taken the old one with
// the parent, or left it leading nowhere.
func (n *networking) rejoin(r *run, ep network.Endpoint) {
	about := map[string]string{"parent": ep.Parent, "interface": ep.IfName}
	said := ""
	for {
		done, err := n.tryRejoin(r, ep)
		if done {
			return
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			complain(fmt.Errorf("rejoin: %w", err))
			about["error"] = said
			n.ask(func(s *state) { s.emit("parent-gone", about) })
		} else if said == "" {
			said = "gone"
			n.ask(func(s *state) { s.emit("parent-gone", about) })
		}
		if !sleep(n.clock, r.ctx.Done(), rejoinEvery) {
			return
		}
	}
}

// tryRejoin is done when the endpoint stands again, or is not wanted any more.
func (n *networking) tryRejoin(r *run, ep network.Endpoint) (done bool, err error) {
	release := n.changes.take()
	defer release()
	v, err := n.view()
	if err != nil || v.run != r || r.ctx.Err() != nil {
		return true, nil
	}
	eps := v.config.Network.Endpoints
	i := slices.IndexFunc(eps, func(e network.Endpoint) bool { return e.ID == ep.ID })
	if i < 0 {
		return true, nil
	}
	parent, err := n.network.Parent(ep.Parent)
	if err != nil {
		return false, nil // not yet
	}
	for _, at := range n.attachments(r) {
		if at.IfName == ep.IfName && at.ParentIndex == parent {
			return true, nil
		}
	}
	if err := n.detach(r, ep.IfName); err != nil {
		return false, err
	}
	if _, err := n.attachMore(r, &v.config, eps, eps[i]); err != nil {
		return false, err
	}
	n.endpointsChanged(r)
	n.ask(func(s *state) {
		s.emit("parent-back", map[string]string{"parent": ep.Parent, "interface": ep.IfName})
	})
	return true, nil
}
