package monitor

import (
	"context"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

// Early is what every start of a container needs, begun before anything is known
// of the container.
type Early struct{ namespace namespace }

// Prepare begins a start. It returns at once. What it makes goes with this process
// if no container comes of it.
//
// The container's network namespace is made here, and its addresses are asked for
// from here, while its monitor boots: the wait for an answer is the longest part of
// a start. What can't be done on this side is done on the other, which says why it
// can't be.
func Prepare() *Early {
	go runtime.WarmCgroups()
	return &Early{begin(func() *network.Namespace {
		ns, err := network.NewNamespace()
		if err != nil {
			return nil
		}
		return ns
	})}
}

// namespace is one that is being made, or nil, of which the monitor makes one.
type namespace <-chan *network.Namespace

func begin(build func() *network.Namespace) namespace {
	made := make(chan *network.Namespace, 1)
	go func() { made <- build() }()
	return made
}

func (n namespace) close() {
	if ns := <-n; ns != nil {
		ns.Close()
	}
}

// goAhead begins the container's network.
func (s *Spawned) goAhead(c *runtime.Config) namespace {
	return begin(func() *network.Namespace {
		ns := <-s.early.namespace
		if ns != nil {
			s.handle.Ahead(context.Background(), ns, c)
		}
		return ns
	})
}

// handOver gives the namespace to the monitor, which has the request already and
// works beside us.
func (s *Spawned) handOver(begun namespace) error {
	ns := <-begun
	if ns == nil {
		return s.session.conn.sendJSON(kindNetwork, nil)
	}
	defer ns.Close()
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
