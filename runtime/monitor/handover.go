package monitor

import (
	"context"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

// The container's network namespace is made by the command that starts it, while
// the monitor boots, and the container's addresses are asked for from there: the
// wait for an answer is the longest part of a start. What can't be done on this
// side is done on the other, which says why it can't be.

// makeNamespace makes the namespace before it is known what it is for: that takes
// the kernel about as long as the command needs to decide.
func makeNamespace() <-chan *network.Namespace {
	made := make(chan *network.Namespace, 1)
	go func() {
		ns, err := network.NewNamespace()
		if err != nil {
			ns = nil
		}
		made <- ns
		close(made)
	}()
	return made
}

// handOver begins the container's network and gives it to the monitor, which has
// the request already and works beside us.
func (s *Spawned) handOver(c *runtime.Config) error {
	ns := <-s.namespace
	if ns == nil {
		return s.session.conn.sendJSON(kindNetwork, nil)
	}
	defer ns.Close()
	s.handle.Ahead(context.Background(), ns, c)
	record, files := ns.Handover()
	if err := s.session.conn.sendJSON(kindNetwork, record); err != nil {
		return err
	}
	return s.session.conn.sendFiles(files...)
}

// takeNamespace is the monitor's side of handOver: ready gets the namespace, if one
// comes, and is closed.
func (m *Monitor) takeNamespace(c *conn) {
	defer close(m.ready)
	var record *network.Handover
	if err := c.receiveJSON(kindNetwork, &record); err != nil || record == nil {
		return
	}
	files, err := c.takeFiles()
	if err != nil {
		return
	}
	if ns, err := network.TakeOver(*record, files); err == nil {
		m.ready <- ns
	}
}
