package monitor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/logfile"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// begin starts the container for the first time; on an error everything is undone.
func (m *Monitor) begin(c *protocol.Conn, req protocol.Request) (*run, error) {
	written, err := m.load(req.Config)
	if err != nil {
		return nil, err
	}
	r := m.newRun()
	unwatch := m.watchCommand(c, r, req.Config != nil)
	var first *subscriber
	err = m.prepare()
	if err == nil {
		if req.Attach {
			first = m.server.out.add(c, req.Stdout, req.Stderr)
		}
		err = m.boot(r, req.Size)
	}
	unwatch()
	if werr := <-written; err == nil {
		err = werr
	}
	if err == nil {
		err = m.release(r, func() error { return m.commit(c, req.Config) })
	}
	if err != nil {
		if m.server.listener != nil {
			m.server.listener.Close()
		}
		return nil, errors.Join(err, m.abort(r))
	}
	m.tasks.spawn(m.server.accept)
	if err := c.SendJSON(protocol.KindReply, protocol.Reply{Warnings: r.warnings}); err != nil || first == nil {
		c.Close() // a command that was killed meanwhile changes nothing
	}
	if first != nil {
		m.tasks.spawn(first.send)
		m.tasks.spawn(func(context.Context) { m.server.listenTo(first, req.Stdin) })
	}
	return r, nil
}

// load finds the container's configuration. That of a new one goes to the disk
// beside its start; written tells when it is there.
func (m *Monitor) load(made *container.Config) (written <-chan error, err error) {
	done := make(chan error, 1)
	var config container.Config
	record := container.State{Status: container.Created}
	if made != nil {
		config = *made
		m.tasks.spawn(func(context.Context) { done <- m.handle.WritePending(made) })
	} else {
		if config, err = m.handle.Config(); err != nil {
			return nil, err
		}
		if record, err = m.handle.State(); err != nil {
			return nil, err
		}
		record.RestartCount, record.StoppedByUser = 0, false
		done <- nil
	}
	m.ask(func(s *state) { s.config, s.record = config, record })
	return done, nil
}

// watchCommand receives the namespace that the command has begun. A container that
// is being made then goes with its command: the run is cancelled when that goes away,
// until stop is called.
func (m *Monitor) watchCommand(c *protocol.Conn, r *run, made bool) (stop func()) {
	done := make(chan struct{})
	m.tasks.spawn(func(context.Context) {
		defer close(done)
		m.receiveNamespace(c)
		if made && c.AwaitClose() {
			r.cancel()
		}
	})
	return func() {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // ends the wait
		<-done
		_ = c.SetReadDeadline(time.Time{})
	}
}

// receiveNamespace receives the network namespace that the command has made.
func (m *Monitor) receiveNamespace(c *protocol.Conn) {
	defer close(m.handed)
	var record *prestart.Record
	if err := c.ReceiveJSON(protocol.KindNetwork, &record); err != nil || record == nil {
		return
	}
	files, err := c.ReceiveFiles()
	if err != nil {
		return
	}
	if start, err := prestart.Receive(*record, files); err == nil {
		m.handed <- start
	}
}

// prepare makes what all runs of the container share.
func (m *Monitor) prepare() error {
	var c container.Config
	m.ask(func(s *state) { c = s.config })
	log, err := openLog(m.store, &c)
	if err != nil {
		return err
	}
	m.server.out = newOutput(log)
	if err := m.container.Mount(&c); err != nil {
		return err
	}
	if m.server.listener, err = protocol.Listen(m.store.AttachSocket(c.ID)); err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	<-m.alone // the container is made in our cgroups
	return nil
}

func openLog(store *container.Store, c *container.Config) (*logfile.Writer, error) {
	if c.Log.Driver == "none" {
		return nil, nil
	}
	return logfile.Open(store.LogPath(c.ID), c.Log.MaxSize, c.Log.MaxFile)
}

// commit makes a container exist that is made by this start.
func (m *Monitor) commit(c *protocol.Conn, made *container.Config) error {
	if made == nil {
		return nil
	}
	// What its command does not live to see has not happened.
	if err := c.PeerAlive(); err != nil {
		return err
	}
	return m.handle.Publish(made)
}
