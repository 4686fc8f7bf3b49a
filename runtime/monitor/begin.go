package monitor

import (
	"errors"
	"fmt"
	"net"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/logfile"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// begin starts the container for the first time; on an error everything is
// undone.
func (m *Monitor) begin(c *protocol.Conn, req protocol.Request) (l net.Listener, err error) {
	recorded, err := m.record(req.Config)
	if err != nil {
		return nil, err
	}
	var first *subscriber
	life, err := m.start(req.Size, func() error {
		if l, err = m.prepare(); err == nil && req.Attach {
			first = m.out.add(c, req.Stdout, req.Stderr)
		}
		return err
	})
	if rerr := <-recorded; err == nil {
		err = rerr
	}
	if err == nil {
		err = m.release(life, func() error {
			if req.Config == nil {
				return nil
			}
			// What its command does not live to see has not happened.
			if err := c.PeerAlive(); err != nil {
				return err
			}
			return m.handle.Publish(&m.config)
		})
	}
	if err != nil {
		if l != nil {
			l.Close()
		}
		return nil, errors.Join(err, m.abort(life))
	}
	go m.serve(l)
	reply := protocol.Reply{Warnings: life.warnings}
	if err := c.SendJSON(protocol.KindReply, reply); err != nil || first == nil {
		c.Close() // a command that was killed meanwhile changes nothing
	}
	if first != nil {
		go first.send()
		go m.listenTo(first, req.Stdin)
	}
	return l, nil
}

// record finds the container's configuration. That of a new one goes to the
// disk beside its start, and is there when recorded says so.
func (m *Monitor) record(made *container.Config) (recorded <-chan error, err error) {
	done := make(chan error, 1)
	if made != nil {
		m.config, m.state = *made, container.State{Status: container.Created}
		m.name.Store(&made.Name)
		go func() { done <- m.handle.WritePending(made) }()
		return done, nil
	}
	if m.config, err = m.handle.Config(); err != nil {
		return nil, err
	}
	m.name.Store(&m.config.Name)
	if m.state, err = m.handle.State(); err != nil {
		return nil, err
	}
	m.state.RestartCount, m.state.StoppedByUser = 0, false
	close(done)
	return done, nil
}

// prepare makes what all lives of the container share.
func (m *Monitor) prepare() (net.Listener, error) {
	log, err := m.openLog()
	if err != nil {
		return nil, err
	}
	m.out = newOutput(log)
	if m.mounts, err = mountAll(m.store, &m.config); err != nil {
		return nil, err
	}
	l, err := protocol.Listen(m.store.AttachSocket(m.config.ID))
	if err != nil {
		return nil, fmt.Errorf("listen for clients: %w", err)
	}
	<-m.alone // the container is born in our cgroups
	return l, nil
}

func (m *Monitor) openLog() (*logfile.Writer, error) {
	if m.config.Log.Driver == "none" {
		return nil, nil
	}
	return logfile.Open(m.store.LogPath(m.config.ID), m.config.Log.MaxSize, m.config.Log.MaxFile)
}
