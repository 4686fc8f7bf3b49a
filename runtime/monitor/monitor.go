package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"
	"time"

	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

var (
	errUnknownOp = errors.New("unknown operation")
	errNotPaused = errors.New("is not paused")
	errPaused    = errors.New("is already paused")
	errNotLive   = errors.New("is not running")
)

// Monitor runs one container from its start to its end.
type Monitor struct {
	*base
	net     *networking
	control *control
	server  *server

	initial *state               // until Run gives it to the owner
	handed  chan *prestart.Start // from the command; closed behind it
	alone   chan struct{}        // closed when we are out of the command's cgroups
}

// base is what all parts of the monitor use.
type base struct {
	*owner // of the state
	tasks  *tasks

	store     *container.Store
	handle    *container.Handle
	container Container
	network   Network
	clock     clock
}

func newMonitor(store *container.Store, handle *container.Handle, c Container, n Network, k clock) *Monitor {
	b := &base{
		owner:     newOwner(),
		tasks:     newTasks(context.Background()),
		store:     store,
		handle:    handle,
		container: c,
		network:   n,
		clock:     k,
	}
	m := &Monitor{
		base:    b,
		net:     &networking{base: b, changes: newTurn(), telling: newTurn()},
		control: &control{base: b, freezing: newTurn()},
		initial: &state{store: store, handle: handle, stopping: make(chan struct{})},
		handed:  make(chan *prestart.Start, 1),
		alone:   make(chan struct{}),
	}
	m.server = &server{base: b, net: m.net, control: m.control}
	return m
}

// leaveCgroups is done beside everything else: a cgroup may be slow to join.
func (m *Monitor) leaveCgroups(k kernel.Kernel) {
	defer close(m.alone)
	if err := k.LeaveCgroups(); err != nil {
		complain(err)
	}
}

// Run starts the container as the command at the other end of c requests, and goes
// on to the container's last exit. The thread of the caller becomes the parent of
// the container.
func (m *Monitor) Run(c *protocol.Conn) error {
	m.tasks.spawn(func(ctx context.Context) { m.owner.Run(ctx, m.initial) })
	err := m.serve(c)
	return errors.Join(err, m.tasks.end())
}

func (m *Monitor) serve(c *protocol.Conn) error {
	var req protocol.Request
	if err := c.ReceiveJSON(protocol.KindRequest, &req); err != nil {
		return m.handle.GiveUp() // the command was killed, or thought better of it
	}
	r, err := m.begin(c, req)
	if err != nil {
		if c.SendJSON(protocol.KindReply, failure(err)) != nil {
			return m.handle.GiveUp() // nobody is there to undo the rest
		}
		return nil
	}
	return m.keep(r)
}

func failure(err error) protocol.Reply {
	reply := protocol.Reply{Error: err.Error(), Code: 125, TakenBy: protocol.TakenBy(err)}
	var start *container.StartError
	if errors.As(err, &start) {
		reply.Code = start.Code
	}
	return reply
}

// keep goes from the first run to the last exit.
func (m *Monitor) keep(r *run) error {
	var policy restarts
	m.ask(func(s *state) { policy.policy = s.config.Restart })
	// What the start needed is not needed any more: an idle monitor is small.
	debug.FreeOSMemory()
	for {
		code, ran := m.finish(r)
		delay, again := m.next(&policy, code, ran)
		if !again {
			return m.end(code)
		}
		m.ask(func(s *state) { s.exited(container.Restarting, code, m.clock) })
		m.server.out.finish(exitFrame(code))
		if !m.sleepUnlessStopped(delay) {
			return m.end(code)
		}
		if r = m.again(&policy); r == nil {
			return m.end(code)
		}
	}
}

// next says whether the container runs again, and after which delay.
func (m *Monitor) next(policy *restarts, code int, ran time.Duration) (delay time.Duration, again bool) {
	m.ask(func(s *state) {
		if s.again {
			s.renew()
			again = true
			return
		}
		delay, again = policy.next(code, ran, s.record.RestartCount, s.stopWanted())
	})
	return delay, again
}

// sleepUnlessStopped is false when the user wants the container to end meanwhile.
func (m *Monitor) sleepUnlessStopped(d time.Duration) bool {
	var stopping chan struct{}
	m.ask(func(s *state) { stopping = s.stopping })
	return sleep(m.clock, stopping, d)
}

// again starts the next run; nil if there is none. A start that fails, perhaps for a
// parent that went away, counts as a run that ended at once.
func (m *Monitor) again(policy *restarts) *run {
	m.server.out.restart()
	for {
		r, err := m.restart()
		if err == nil {
			return r
		}
		if !errors.Is(err, errGivenUp) {
			m.ask(func(s *state) {
				s.record.Error = err.Error()
				s.write()
			})
		}
		delay, again := m.next(policy, 1, 0)
		if !again || !m.sleepUnlessStopped(delay) {
			return nil
		}
	}
}

// end records the last exit and lets everything go. Clients hear of it when the
// record is written, or the container removed with its name and addresses; another
// command that wants the container waits for the lock.
func (m *Monitor) end(code int) error {
	release := m.net.changes.take()
	defer release()
	m.ask(func(s *state) { s.ended = true })
	m.server.listener.Close()
	err := m.server.out.closeLog()
	m.container.Unmount()
	remove := false
	m.ask(func(s *state) {
		if remove = s.config.AutoRemove && !s.keep; remove {
			s.emitExit(code)
		} else {
			s.exited(container.Exited, code, m.clock)
		}
	})
	if remove {
		err = errors.Join(err, m.handle.Forget())
	}
	m.server.out.finishAll(exitFrame(code))
	// The kernel takes its time to take a VLAN link apart; nobody need wait.
	err = errors.Join(err, m.network.Detach(m.handle.ID), m.handle.Close())
	// A client that has yet to read keeps only this process: lock, name and addresses
	// are free.
	m.server.out.flush()
	return err
}

func exitFrame(code int) []byte {
	data, _ := json.Marshal(protocol.Exit{Code: code}) // an int always encodes
	return data
}
