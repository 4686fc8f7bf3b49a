package monitor

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// bootLimit is how long the container's first process may take up to the moment
// before it becomes the program, and then until it is that. It takes some 30 ms; what
// hangs is a file system, or an image made for it.
const bootLimit = time.Minute

// killEvery is how often a start that is given up kills the processes of it: they may
// be about to fork.
const killEvery = 50 * time.Millisecond

// phase is how far a run has come.
type phase int

const (
	starting phase = iota // there is no process yet, or one that is not ready
	running               // its process is the program, or about to be
	exited                // the process has ended; what the run had is being taken apart
)

// run is one run of the container, from start to exit.
type run struct {
	// Cancelled when nothing is wanted of the run any more: its end, or that of its
	// start.
	ctx    context.Context
	cancel context.CancelFunc

	instance Instance
	streams  *streams
	ns       Namespace // nil with the host's network
	warnings []string  // of the start

	entered  chan struct{} // closed when it has its namespace
	attached chan struct{} // closed when its network stands, or could not be made
	netErr   error         // why it could not; to be read after attached

	// The owner's.
	phase     phase
	endpoints []Endpoint // in the order attached
}

// newRun begins a run, and its network, which takes longest.
func (m *Monitor) newRun() *run {
	r := &run{entered: make(chan struct{}), attached: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(m.tasks.ctx)
	m.ask(func(s *state) { s.run = r })
	m.beginNetwork(r)
	return r
}

// restart makes one more run.
func (m *Monitor) restart() (*run, error) {
	release := m.net.changes.take()
	defer release()
	m.ask(func(s *state) { s.record.RestartCount++ })
	r := m.newRun()
	err := m.boot(r, protocol.Size{})
	if err == nil {
		err = m.release(r, func() error { return nil })
	}
	if err != nil {
		return nil, errors.Join(err, m.abort(r))
	}
	return r, nil
}

// beginNetwork makes the run's network beside the rest: it asks the LAN, and waits.
func (m *Monitor) beginNetwork(r *run) {
	var c container.Config
	m.ask(func(s *state) { c = s.config })
	m.tasks.spawn(func(context.Context) {
		defer close(r.attached)
		if r.ns, r.netErr = m.network.Open(&c, m.handed); r.netErr != nil {
			close(r.entered)
			return
		}
		close(r.entered)
		r.netErr = m.attachAll(r, &c)
	})
}

// boot builds the run up to the moment before its program runs, and waits for its
// network.
func (m *Monitor) boot(r *run, size protocol.Size) error {
	var c container.Config
	m.ask(func(s *state) { c = s.config })
	<-r.entered
	if r.ns == nil && c.Network.Mode != network.Host {
		<-r.attached
		return r.netErr
	}
	if err := m.startInstance(r, &c, size); err != nil {
		r.cancel() // the network is not wanted any more; what it says to that is not the error
		return err
	}
	if <-r.attached; r.netErr != nil {
		return r.netErr
	}
	at := m.net.attachments(r)
	for _, a := range at {
		r.warnings = append(r.warnings, a.Warnings...)
	}
	if slices.ContainsFunc(at, func(a network.Attachment) bool { return a.Lease != nil }) {
		return m.container.WriteFiles(&c, at) // a DHCP server has had a say
	}
	return nil
}

// attachAll builds the run's network in its namespace.
func (m *Monitor) attachAll(r *run, c *container.Config) error {
	// Before there is an address: no packet comes in ahead of the rules.
	if rules := c.Network.Allow; len(rules) > 0 {
		if err := r.ns.Allow(rules); err != nil {
			return fmt.Errorf("set firewall: %w", err)
		}
	}
	for _, ep := range c.Network.Endpoints {
		if err := m.net.attach(r, c, ep); err != nil {
			return err
		}
	}
	return nil
}

func (m *Monitor) startInstance(r *run, c *container.Config, size protocol.Size) (err error) {
	netns := ""
	if r.ns != nil {
		netns = r.ns.Path()
	}
	instance, process, warnings, err := m.container.Instance(c, netns)
	if err != nil {
		return err
	}
	r.instance, r.warnings = instance, append(r.warnings, warnings...)
	if r.streams, err = openStreams(c, size); err != nil {
		return err
	}
	return m.limited(r, "start", func() error { return instance.Start(process, r.streams.Theirs) })
}

// limited does what waits for the container's first process. If that takes too long,
// or the run is cancelled meanwhile, its processes are killed, and the wait ends.
func (m *Monitor) limited(r *run, verb string, wait func() error) error {
	done, late := make(chan struct{}), false
	killer := make(chan struct{})
	m.tasks.spawn(func(context.Context) {
		defer close(killer)
		select {
		case <-done:
			return
		case <-r.ctx.Done():
		case <-m.clock.After(bootLimit):
			late = true
		}
		for r.instance.Kill(); sleep(m.clock, done, killEvery); {
			r.instance.Kill()
		}
	})
	err := wait()
	close(done)
	<-killer
	switch {
	case late:
		return fmt.Errorf("%s container: its first process takes more than %v", verb, bootLimit)
	case r.ctx.Err() != nil:
		return errGivenUp
	}
	return err
}

// errGivenUp is a start that was cancelled.
var errGivenUp = errors.New("the start was given up")

// release commits the container, lets the program run and records it as running. All
// of it is on disk before anybody hears of the start.
func (m *Monitor) release(r *run, commit func() error) error {
	if err := r.streams.copyTo(m.tasks, m.server.out); err != nil {
		return err
	}
	m.server.streams.Store(r.streams)
	record, err := m.recordStart(r)
	if err != nil {
		return err
	}
	written := make(chan error, 2)
	m.tasks.spawn(func(context.Context) { written <- m.handle.WriteState(record) })
	m.net.tellNeighbours(r)
	err = commit()
	m.tasks.spawn(func(context.Context) { written <- m.handle.Sync() })
	if err == nil {
		err = m.limited(r, "release", r.instance.Release)
	}
	if err = errors.Join(err, <-written, <-written); err != nil {
		return err
	}
	m.ask(func(s *state) {
		s.emit("start", nil)
		s.record.Attachments = r.attachments()
		if !reflect.DeepEqual(s.record, record) { // changed while it was being written
			s.write()
		}
	})
	for _, ep := range m.net.standing(r) {
		m.net.startEndpoint(ep)
	}
	return nil
}

// recordStart makes the record of a container that runs. From now on its process
// takes signals, and a stop is a signal to it.
func (m *Monitor) recordStart(r *run) (record container.State, err error) {
	pid, err := container.Identify(r.instance.Pid())
	if err != nil {
		return record, fmt.Errorf("identify container process: %w", err)
	}
	own, err := container.Identify(unix.Getpid())
	if err != nil {
		return record, err
	}
	m.ask(func(s *state) {
		if r.ctx.Err() != nil {
			err = errGivenUp
			return
		}
		r.phase = running
		rec := &s.record
		rec.Status, rec.Init, rec.Monitor, rec.StartedAt = container.Running, pid, own, m.clock.Now()
		rec.FinishedAt, rec.Error, rec.OOMKilled, rec.ExitCode = time.Time{}, "", false, 0
		rec.Attachments, rec.Conflicts = r.attachments(), nil
		record = *rec
	})
	return record, err
}

// abort undoes what boot and release did, in reverse.
func (m *Monitor) abort(r *run) error {
	r.cancel()
	<-r.attached
	m.ask(func(s *state) { r.phase, s.run = exited, nil })
	m.net.leaveNeighbours()
	var errs []error
	if r.instance != nil {
		errs = append(errs, r.instance.Destroy())
	}
	if r.streams != nil {
		r.streams.Close()
	}
	for _, ep := range slices.Backward(m.net.standing(r)) {
		errs = append(errs, ep.Undo())
	}
	if r.ns != nil {
		errs = append(errs, r.ns.Close())
	}
	return errors.Join(errs...)
}

// finish waits for the exit of the run's program, drains its output and takes the run
// apart. The uses of VLAN links stay until the monitor ends: the next run needs them.
func (m *Monitor) finish(r *run) (code int, ran time.Duration) {
	code = r.instance.Wait()
	m.ask(func(s *state) {
		r.phase = exited
		ran = m.clock.Now().Sub(s.record.StartedAt)
	})
	r.cancel() // an endpoint that is just being attached holds nothing up
	release := m.net.changes.take()
	defer release()
	m.net.leaveNeighbours()
	m.server.out.end()
	r.streams.drain(m.clock)
	oom := r.instance.OOMKilled()
	err := r.instance.Destroy()
	for _, ep := range m.net.standing(r) {
		ep.Stop()
	}
	if r.ns != nil {
		err = errors.Join(err, r.ns.Close()) // the kernel takes what is in it
	}
	m.ask(func(s *state) {
		s.run = nil
		s.record.OOMKilled = oom
		if err != nil {
			s.record.Error = err.Error()
		}
	})
	return code, ran
}
