package monitor

import (
	"fmt"
	"os"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

// tellNeighbours makes the container and the others on its networks known to
// each other. That one name is missing keeps no container from running.
func (m *Monitor) tellNeighbours(l *life) {
	m.telling.Lock()
	defer m.telling.Unlock()
	if l.left {
		return // a leg of it was late with its news
	}
	if err := m.store.Neighbours().Tell(m.current(), l.attachments()); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
}

// rename gives the container another name, while it runs.
func (m *Monitor) rename(name string) error {
	m.legs.Lock()
	defer m.legs.Unlock()
	if m.ended {
		return m.named(errNotLive)
	}
	if err := m.handle.Rename(name); err != nil {
		return err
	}
	m.name.Store(&name)
	if m.life != nil {
		m.tellNeighbours(m.life)
	}
	return nil
}

// current is the container's configuration under the name, and with the legs,
// of today.
func (m *Monitor) current() *container.Config {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.config
	c.Name = *m.name.Load()
	return &c
}

func (m *Monitor) setEndpoints(eps []network.Endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.config.Network.Endpoints = eps
}

func (m *Monitor) leaveNeighbours(l *life) {
	m.telling.Lock()
	defer m.telling.Unlock()
	l.left = true
	if err := m.store.Neighbours().Forget(m.config.ID); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
}
