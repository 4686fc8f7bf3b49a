// Package endpoint builds the interfaces of containers in their network
// namespaces and keeps them: it guards their addresses against others on the LAN,
// renews leases, follows routers and watches the parent.
package endpoint

import (
	"context"
	"errors"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/hostaccess"
	"github.com/mvrun/mvrun/network/store"
	"github.com/mvrun/mvrun/network/trunk"
)

// Manager attaches the endpoints that the store has planned to the trunk's links.
// Its methods work on the network namespace of the calling thread.
type Manager struct {
	Store *store.Store
	Trunk trunk.Trunk
}

func (m *Manager) host() hostaccess.Host { return hostaccess.Host{Store: m.Store} }

// use writes the container down as a user of the endpoint's link, makes the link
// if the kernel has none, and gives the host its access to the network. leave,
// for the container's ID, takes it back.
func (m *Manager) use(ctx context.Context, containerID string, ep network.Endpoint) (trunk.Lower, error) {
	l, err := m.Trunk.Lock()
	if err != nil {
		return trunk.Lower{}, err
	}
	defer l.Unlock()
	lower, err := l.Use(containerID, ep)
	if err == nil {
		err = m.host().Ensure(ctx, l, lower, ep)
	}
	if err != nil {
		user := trunk.User{Container: containerID, IfName: ep.IfName}
		return trunk.Lower{}, errors.Join(err, m.leaveLocked(l, user.SameEndpoint))
	}
	return lower, nil
}

// leave takes the uses back that gone names, and removes what nobody uses any
// more.
func (m *Manager) leave(gone func(trunk.User) bool) error {
	l, err := m.Trunk.Lock()
	if err != nil {
		return err
	}
	defer l.Unlock()
	return m.leaveLocked(l, gone)
}

// leaveLocked goes on after an error: what can be removed is.
func (m *Manager) leaveLocked(l *trunk.Locked, gone func(trunk.User) bool) error {
	return errors.Join(m.host().Withdraw(l, gone), l.Leave(gone))
}

// Detach gives up all of a container's uses of links, and removes the links
// that mvrun made and that nobody uses any more. It needs nothing of the
// container but its ID: the namespace may be gone. Idempotent.
func (m *Manager) Detach(containerID string) error {
	found, err := m.Trunk.Ledger().Scan()
	if err != nil {
		return err
	}
	for _, u := range found.Users {
		if u.Container == containerID {
			return m.leave(func(u trunk.User) bool { return u.Container == containerID })
		}
	}
	return nil
}

func (m *Manager) detachOne(containerID, ifName string) error {
	return m.leave(trunk.User{Container: containerID, IfName: ifName}.SameEndpoint)
}

// Reap does what Detach would have done for dead containers. It costs little when
// there is nothing to do.
func (m *Manager) Reap() error {
	found, err := m.Trunk.Ledger().Scan()
	if err != nil {
		return err
	}
	if !m.Trunk.Stale(found) && !hostaccess.Stale(m.Trunk, found) {
		return nil
	}
	return m.leave(func(trunk.User) bool { return false })
}
