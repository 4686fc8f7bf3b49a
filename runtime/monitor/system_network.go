package monitor

import (
	"context"
	"net"
	"os"
	"strconv"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/network/firewall"
	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/network/store"
	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/runtime/container"
)

// systemNetwork is the real Network.
type systemNetwork struct {
	store  *container.Store
	handle *container.Handle
}

func (n systemNetwork) Open(c *container.Config, handed <-chan *prestart.Start) (Namespace, error) {
	begun := <-handed
	switch {
	case c.Network.Mode == network.Host:
		if begun != nil {
			return nil, begun.Close()
		}
		return nil, nil
	case begun != nil:
		return &namespace{begun.Namespace, begun, n.store.Networks, n.store.Interfaces}, nil
	}
	ns, err := trunk.NewNamespace()
	if err != nil {
		return nil, err
	}
	return &namespace{ns, nil, n.store.Networks, n.store.Interfaces}, nil
}

func (n systemNetwork) Plan(c *container.Config, req network.Request) ([]network.Endpoint, func(), error) {
	return n.handle.PlanEndpoint(c, req)
}

func (n systemNetwork) Drop(c *container.Config, gone []network.Endpoint) error {
	return n.store.Endpoints().Drop(c, gone)
}

func (systemNetwork) Parent(name string) (int, error) {
	parent, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return parent.Index, nil
}

func (n systemNetwork) Detach(id string) error { return n.store.Interfaces.Detach(id) }

// namespace is the real Namespace.
type namespace struct {
	ns         *trunk.Namespace
	begun      *prestart.Start // what the command has begun in it, or nil
	networks   *store.Store
	interfaces *endpoint.Manager
}

func (n *namespace) Path() string {
	return "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(n.ns.File().Fd()))
}

func (n *namespace) Allow(rules []firewall.Rule) error {
	return firewall.Apply(int(n.ns.File().Fd()), rules)
}

func (n *namespace) Attach(ctx context.Context, owner network.Owner, ep network.Endpoint, h hooks) (Endpoint, error) {
	if err := n.networks.Reclaim(owner, ep); err != nil {
		return nil, err
	}
	told := endpoint.Hooks{Conflict: h.conflict, ParentGone: h.parentGone, Addrs: h.addresses, Prior: h.prior}
	if n.begun != nil {
		told.Prepared = n.begun
	}
	if h.lease != nil {
		told.Lease = func(_ *endpoint.Attached, e dhcp.Event, err error) { h.lease(e, err) }
	}
	attached, err := n.interfaces.Attach(ctx, n.ns, owner, ep, told)
	if err != nil {
		return nil, err
	}
	return attached, nil
}

func (n *namespace) Reroute(eps []network.Endpoint) error { return endpoint.Reroute(n.ns, eps) }

// Close lets the namespace go, and what was begun in it and not used.
func (n *namespace) Close() error {
	if n.begun != nil {
		return n.begun.Close()
	}
	return n.ns.Close()
}
