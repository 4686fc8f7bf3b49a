package monitor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/network/firewall"
	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// life is one run of the container, from start to exit.
type life struct {
	instance *kernel.Instance
	stdio    *streams
	ns       *trunk.Namespace // nil with the host's network
	begun    *prestart.Start  // what the command has begun in the namespace, or nil
	warnings []string
	cancel   context.CancelFunc // of the start
	left     bool               // its neighbours have forgotten it; guarded by Monitor.telling

	mu   sync.Mutex
	legs []*endpoint.Attached // in the order attached
}

// start builds the container up to the moment before its program runs. The
// network, which asks the LAN and waits, is made beside all the rest, of which
// prepare is the first. On an error the life is what there is of it, for abort.
func (m *Monitor) start(size protocol.Size, prepare func() error) (l *life, err error) {
	l = &life{}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	entered, attached := make(chan error, 1), make(chan error, 1)
	go func() {
		err := m.enter(l)
		entered <- err
		if err == nil {
			err = m.attachNetwork(ctx, l)
		}
		attached <- err
	}()
	if err = prepare(); err == nil {
		err = <-entered
	}
	if err == nil {
		err = m.startInstance(l, size)
	}
	if err != nil {
		cancel() // the network is not wanted any more; what it says to that is not the error
		<-attached
		return l, err
	}
	if err = <-attached; err != nil {
		return l, err
	}
	for _, at := range l.attachments() {
		l.warnings = append(l.warnings, at.Warnings...)
	}
	if l.leased() {
		_, err = m.writeFiles(l.attachments(), m.etc.change)
	}
	return l, err
}

// enter gives the life its network namespace: the first one's comes from the
// command, if that could make it.
func (m *Monitor) enter(l *life) (err error) {
	if l.begun = <-m.ready; l.begun != nil {
		l.ns = l.begun.Namespace
	}
	switch {
	case m.config.Network.Mode == network.Host && l.ns != nil:
		err, l.ns, l.begun = l.begun.Close(), nil, nil
	case m.config.Network.Mode != network.Host && l.ns == nil:
		l.ns, err = trunk.NewNamespace()
	}
	return err
}

func (m *Monitor) attachNetwork(ctx context.Context, l *life) error {
	// Before there is an address: no packet comes in ahead of the rules.
	if rules := m.config.Network.Allow; len(rules) > 0 {
		if err := firewall.Apply(int(l.ns.File().Fd()), rules); err != nil {
			return fmt.Errorf("set firewall: %w", err)
		}
	}
	for _, ep := range m.config.Network.Endpoints {
		if err := m.attachLeg(ctx, l, ep); err != nil {
			return err
		}
	}
	return nil
}

func (m *Monitor) startInstance(l *life, size protocol.Size) error {
	spec, warnings, err := m.spec(l.ns)
	if err != nil {
		return err
	}
	l.warnings = append(l.warnings, warnings...)
	if l.stdio, err = openStreams(&m.config, size); err != nil {
		return err
	}
	if l.instance, err = kernel.Of(m.store).New(m.config.ID, spec); err != nil {
		return err
	}
	return l.instance.Start(spec.Process, l.stdio.Theirs)
}

// release commits the container, lets the program run and records it as
// running. All of it is on disk before anybody hears of the start.
func (m *Monitor) release(l *life, commit func() error) error {
	if err := l.stdio.copyTo(m.out); err != nil {
		return err
	}
	m.stdio.Store(l.stdio)
	pid, err := container.Identify(l.instance.Pid())
	if err != nil {
		return fmt.Errorf("identify container process: %w", err)
	}
	own, err := container.Identify(unix.Getpid())
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.instance = l.instance
	s := &m.state
	s.Status, s.Init, s.Monitor, s.StartedAt = container.Running, pid, own, time.Now()
	s.FinishedAt, s.Error, s.OOMKilled, s.ExitCode = time.Time{}, "", false, 0
	s.Attachments, s.Conflicts = l.attachments(), nil
	state := m.state
	m.mu.Unlock()

	written := make(chan error, 2)
	go func() { written <- m.handle.WriteState(state) }()
	m.tellNeighbours(l)
	err = commit()
	go func() { written <- m.handle.Sync() }()
	if err == nil {
		err = l.instance.Release()
	}
	if err = errors.Join(err, <-written, <-written); err != nil {
		return err
	}
	m.life = l
	m.emit("start", nil)
	for _, leg := range l.all() {
		m.startLeg(leg)
	}
	return nil
}

// abort undoes what start did, in reverse.
func (m *Monitor) abort(l *life) error {
	var errs []error
	l.cancel()
	m.leaveNeighbours(l)
	m.mu.Lock()
	m.instance = nil
	m.mu.Unlock()
	if l.instance != nil {
		errs = append(errs, l.instance.Destroy())
	}
	if l.stdio != nil {
		l.stdio.Close()
	}
	for _, leg := range slices.Backward(l.all()) {
		errs = append(errs, leg.Undo())
	}
	if l.ns != nil {
		errs = append(errs, l.closeNamespace())
	}
	return errors.Join(errs...)
}

// wait waits for the end of the current life, drains its output and takes the
// life apart.
func (m *Monitor) wait() (code int, ran time.Duration) {
	l := m.life
	if l == nil {
		return m.state.ExitCode, 0
	}
	code = l.instance.Wait()
	m.legs.Lock()
	defer m.legs.Unlock()
	m.leaveNeighbours(l)
	m.mu.Lock()
	m.instance = nil
	ran = time.Since(m.state.StartedAt)
	m.mu.Unlock()
	m.out.end()
	l.stdio.drain()
	oom := l.instance.OOMKilled()
	err := errors.Join(l.instance.Destroy(), m.leaveNetwork(l))
	m.mu.Lock()
	m.state.OOMKilled = oom
	if err != nil {
		m.state.Error = err.Error()
	}
	m.mu.Unlock()
	m.life = nil
	return code, ran
}

// leaveNetwork lets the namespace go, and the kernel takes what is in it. The
// uses of VLAN links stay until the monitor ends: the next life needs them.
func (m *Monitor) leaveNetwork(l *life) error {
	l.cancel()
	l.stopLegs()
	if l.ns == nil {
		return nil
	}
	return l.closeNamespace()
}

// closeNamespace lets the namespace go, and what was begun in it and not used.
func (l *life) closeNamespace() error {
	if l.begun != nil {
		return l.begun.Close()
	}
	return l.ns.Close()
}
