// Package monitor is the one small process that lives as long as a container: it
// holds the container's namespaces and mounts, its log and its clients.
package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

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
	store  *container.Store
	handle *container.Handle
	config container.Config
	name   atomic.Pointer[string] // by now: it may have been renamed
	mounts *mounts
	etc    etcFiles
	out    *output
	stdio  atomic.Pointer[streams]
	ready  chan *prestart.Start // made by the command; closed behind it
	alone  chan struct{}        // closed when we are out of the command's cgroups
	life   *life                // the current one; set by the main goroutine, under legs

	// legs is held while the container's legs come or go: with a life, or by
	// a client's wish. It is taken before mu.
	legs  sync.Mutex
	ended bool // there will be no more lives

	// telling is held while the neighbours are told what they shall know, so
	// that the last word is the newest. It is taken before mu.
	telling sync.Mutex

	// mu guards what the clients' wishes change.
	mu       sync.Mutex
	state    container.State
	instance *kernel.Instance // nil between two lives
	stopping chan struct{}    // closed when the user wants the container ended
	keep     bool             // a restart: one that goes with its exit stays
	shutdown bool             // it was the host that wanted it
}

// Main is the life of a monitor process. It holds the lock and the socket that
// Spawn passed, and returns when the container has ended for good.
func Main(store *container.Store, id string) error {
	// The thread that starts the container is its parent; it must not go away.
	runtime.LockOSThread()
	if err := checkOrigin(store, id); err != nil {
		return fmt.Errorf("%s is mvrun's own command, use run or start: %w", protocol.Command, err)
	}
	unix.CloseOnExec(protocol.LockFD)
	unix.CloseOnExec(protocol.RequestFD)
	// Our mounts are ours alone and go with us; the host's go on to come in.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("part from the host's mounts: %w", err)
	}
	unix.Umask(0o022)
	outlive()
	m := &Monitor{
		store:    store,
		handle:   store.Adopt(id, os.NewFile(protocol.LockFD, "monitor.lock")),
		ready:    make(chan *prestart.Start, 1),
		alone:    make(chan struct{}),
		stopping: make(chan struct{}),
	}
	go m.leaveCgroups()
	c, err := protocol.ConnOf(os.NewFile(protocol.RequestFD, "request"))
	if err != nil {
		return err
	}
	var req protocol.Request
	if err := c.ReceiveJSON(protocol.KindRequest, &req); err != nil {
		return m.handle.GiveUp() // who spawned us was killed, or thought better of it
	}
	go m.takeNamespace(c)
	initial, err := m.begin(c, req)
	if err != nil {
		if c.SendJSON(protocol.KindReply, failure(err)) != nil {
			return m.handle.GiveUp() // nobody is there to undo the rest
		}
		return nil
	}
	return m.run(initial)
}

// outlive keeps the monitor through what ends whole sessions and services: it
// ends when its container has. Caught and not ignored, since a program that it
// starts would inherit that.
func outlive() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
}

// leaveCgroups is done beside everything else: a cgroup may be slow to join.
func (m *Monitor) leaveCgroups() {
	defer close(m.alone)
	if err := kernel.Of(m.store).LeaveCgroups(); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
}

func failure(err error) protocol.Reply {
	reply := protocol.Reply{Error: err.Error(), Code: 125}
	var start *container.StartError
	if errors.As(err, &start) {
		reply.Code = start.Code
	}
	return reply
}

// run goes from the first start to the last exit.
func (m *Monitor) run(l net.Listener) error {
	policy := restarts{policy: m.config.Restart}
	// What the start needed is not needed any more: an idle monitor is small.
	debug.FreeOSMemory()
	for {
		code, ran := m.wait()
		delay, again := policy.next(code, ran, m.state.RestartCount, m.stopWanted())
		if !again {
			return m.end(l, code)
		}
		m.exited(container.Restarting, code)
		m.out.finish(exitFrame(code))
		if waitOr(m.stopping, delay) {
			return m.end(l, code)
		}
		m.again(&policy)
	}
}

// again starts the next life. A start that fails, for a parent that went away
// perhaps, counts as a life that ended at once.
func (m *Monitor) again(policy *restarts) {
	m.out.restart()
	for {
		m.mu.Lock()
		m.state.RestartCount++
		m.mu.Unlock()
		err := m.startAgain()
		if err == nil {
			return
		}
		m.setState(func(s *container.State) { s.Error = err.Error() })
		delay, again := policy.next(1, 0, m.state.RestartCount, m.stopWanted())
		if !again || waitOr(m.stopping, delay) {
			return // wait finds no instance
		}
	}
}

func (m *Monitor) startAgain() error {
	m.legs.Lock()
	defer m.legs.Unlock()
	life, err := m.start(protocol.Size{}, func() error { return nil })
	if err == nil {
		err = m.release(life, func() error { return nil })
	}
	if err != nil {
		return errors.Join(err, m.abort(life))
	}
	return nil
}

// end records the last exit and lets everything go. Clients hear of it when
// the record is written, or the container gone with its name and addresses
// free; another command that wants the container waits for the lock.
func (m *Monitor) end(l net.Listener, code int) error {
	m.legs.Lock()
	m.ended = true
	m.legs.Unlock()
	l.Close()
	var err error
	if m.out.log != nil {
		err = m.out.log.Close()
	}
	m.mounts.release()
	if m.config.AutoRemove && !m.kept() {
		m.emitExit(code)
		err = errors.Join(err, m.handle.Forget())
	} else {
		m.exited(container.Exited, code)
	}
	m.out.finishAll(exitFrame(code))
	// The kernel takes its time to take a VLAN link apart; nobody need wait.
	err = errors.Join(err, m.store.Interfaces.Detach(m.config.ID), m.handle.Close())
	// Nothing is held up by a client that has yet to read: lock, name and
	// addresses are free.
	m.out.flush()
	return err
}

// kept tells whether the container is to start again at once.
func (m *Monitor) kept() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keep
}

func exitFrame(code int) []byte {
	data, _ := json.Marshal(protocol.Exit{Code: code}) // an int always encodes
	return data
}

// exited writes the record of an exit.
func (m *Monitor) exited(status container.Status, code int) {
	m.setState(func(s *container.State) {
		s.Status, s.ExitCode, s.FinishedAt = status, code, time.Now()
		s.Attachments = nil
		s.StoppedByUser = m.stopped() && !m.shutdown
	})
	m.emitExit(code)
}

func (m *Monitor) emitExit(code int) {
	m.emit("die", map[string]string{"exitCode": strconv.Itoa(code)})
}

// emit tells what happened to the container.
func (m *Monitor) emit(action string, attributes map[string]string) {
	e := container.Event{Type: "container", Action: action, ID: m.config.ID, Name: *m.name.Load(), Attributes: attributes}
	if err := m.store.Events().Append(e); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
}

// setState changes the record on disk. On a full disk the old one stays, and
// whoever reads it finds that the monitor is gone.
func (m *Monitor) setState(change func(*container.State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.state)
	if err := m.handle.WriteState(m.state); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
}

func (m *Monitor) stopWanted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stopped()
}

// stopped is stopWanted with the lock held.
func (m *Monitor) stopped() bool {
	select {
	case <-m.stopping:
		return true
	default:
		return false
	}
}

// waitOr waits for the channel to be closed, and tells whether it was before
// the time was up.
func waitOr(c <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}
