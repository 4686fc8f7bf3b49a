package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/firewall"
	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// patience bounds every wait of these tests: it is only reached when they fail.
const patience = 20 * time.Second

// fakeClock moves when a test says so.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []fakeTimer
}

type fakeTimer struct {
	d   time.Duration
	at  time.Time
	out chan time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(chan time.Time, 1)
	c.timers = append(c.timers, fakeTimer{d, c.now.Add(d), out})
	return out
}

// awaits reports whether somebody waits for just that long.
func (c *fakeClock) awaits(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.timers, func(t fakeTimer) bool { return t.d == d })
}

// advance moves the clock, and wakes who has waited long enough.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.timers = slices.DeleteFunc(c.timers, func(t fakeTimer) bool {
		due := !t.at.After(c.now)
		if due {
			t.out <- c.now
		}
		return due
	})
}

// fakeInstance is one run. Its fields are set before it is used.
type fakeInstance struct {
	startErr, releaseErr error
	hangStart            bool // until it is killed
	hangPause            chan struct{}
	holdOutput           bool // past its end
	says                 string

	mu       sync.Mutex
	output   *os.File
	started  chan struct{}
	released chan struct{}
	killed   chan struct{}
	exit     chan int
	signals  chan unix.Signal
	destroys int
	oom      bool
	frozen   bool
}

func newFakeInstance() *fakeInstance {
	return &fakeInstance{
		started: make(chan struct{}), released: make(chan struct{}), killed: make(chan struct{}),
		exit: make(chan int, 1), signals: make(chan unix.Signal, 10),
	}
}

func (i *fakeInstance) Start(_ *specs.Process, stdio kernel.Stdio) error {
	close(i.started)
	if i.hangStart {
		<-i.killed
		return errors.New("the process was killed")
	}
	if i.startErr != nil {
		return i.startErr
	}
	fd, err := unix.Dup(int(stdio.Stdout.Fd()))
	i.output = os.NewFile(uintptr(fd), "output")
	return err
}

func (i *fakeInstance) Release() error {
	if i.releaseErr != nil {
		i.output.Close()
		return i.releaseErr
	}
	_, _ = i.output.WriteString(i.says)
	close(i.released)
	return nil
}

func (i *fakeInstance) Pid() int { return os.Getpid() }

func (i *fakeInstance) Wait() int {
	code := <-i.exit
	if !i.holdOutput {
		i.output.Close()
	}
	return code
}

func (i *fakeInstance) Signal(sig unix.Signal) error {
	i.signals <- sig
	return nil
}

func (i *fakeInstance) Pause() error {
	if i.hangPause != nil {
		<-i.hangPause
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.frozen = true
	return nil
}

func (i *fakeInstance) Resume() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.frozen = false
	return nil
}

func (i *fakeInstance) isFrozen() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.frozen
}

func (i *fakeInstance) Kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !closed(i.killed) {
		close(i.killed)
	}
}

func (i *fakeInstance) OOMKilled() bool { return i.oom }

func (i *fakeInstance) Destroy() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.destroys++
	return nil
}

func (i *fakeInstance) destroyed() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.destroys > 0
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// fakeContainer gives out its instances in turn.
type fakeContainer struct {
	mu        sync.Mutex
	instances []*fakeInstance
	next      int
	mountErr  error
	unmounted bool
}

func (c *fakeContainer) Mount(*container.Config) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mountErr
}

func (c *fakeContainer) Unmount() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unmounted = true
}

func (c *fakeContainer) Instance(*container.Config, string) (Instance, *specs.Process, []string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == len(c.instances) {
		return nil, nil, nil, errors.New("the test has no more instances")
	}
	c.next++
	return c.instances[c.next-1], &specs.Process{}, nil, nil
}

func (c *fakeContainer) WriteFiles(*container.Config, []network.Attachment) error { return nil }

// fakeNetwork is a network whose parents come and go as the test likes.
type fakeNetwork struct {
	mu       sync.Mutex
	parents  map[string]int // name: index
	hang     string         // interface that takes for ever to attach
	hanging  chan struct{}  // closed when it is being attached
	unplaned int
	spaces   []*fakeNamespace
	detached bool
}

func (n *fakeNetwork) Open(_ *container.Config, handed <-chan *prestart.Start) (Namespace, error) {
	<-handed
	n.mu.Lock()
	defer n.mu.Unlock()
	ns := &fakeNamespace{net: n}
	n.spaces = append(n.spaces, ns)
	return ns, nil
}

func (n *fakeNetwork) Plan(c *container.Config, req network.Request) ([]network.Endpoint, func(), error) {
	added := testEndpoint(len(c.Network.Endpoints))
	undo := func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.unplaned++
	}
	return append(slices.Clone(c.Network.Endpoints), added), undo, nil
}

func testEndpoint(i int) network.Endpoint {
	return network.Endpoint{
		ID: fmt.Sprintf("endpoint%d", i), Network: fmt.Sprintf("net%d", i), NetworkID: fmt.Sprintf("netid%d", i),
		Segment: network.Segment{Parent: "trunk0"}, IfName: fmt.Sprintf("eth%d", i),
		Addrs: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.0.%d.2/24", i))},
	}
}

func (n *fakeNetwork) Drop(*container.Config, []network.Endpoint) error { return nil }

func (n *fakeNetwork) Parent(name string) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if index, ok := n.parents[name]; ok {
		return index, nil
	}
	return 0, errors.New("no such interface")
}

func (n *fakeNetwork) setParent(name string, index int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if index == 0 {
		delete(n.parents, name)
		return
	}
	n.parents[name] = index
}

func (n *fakeNetwork) Detach(string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.detached = true
	return nil
}

// endpoints are all that were ever attached.
func (n *fakeNetwork) endpoints() (all []*fakeEndpoint) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, ns := range n.spaces {
		all = append(all, ns.attached...)
	}
	return all
}

type fakeNamespace struct {
	net      *fakeNetwork
	attached []*fakeEndpoint
	closed   bool
}

func (ns *fakeNamespace) Path() string                { return "/proc/1/fd/0" }
func (ns *fakeNamespace) Allow([]firewall.Rule) error { return nil }

func (ns *fakeNamespace) Attach(ctx context.Context, _ network.Owner, ep network.Endpoint, h hooks) (Endpoint, error) {
	ns.net.mu.Lock()
	hang := ns.net.hang == ep.IfName
	ns.net.mu.Unlock()
	if hang {
		close(ns.net.hanging)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	index, err := ns.net.Parent(ep.Parent)
	if err != nil {
		return nil, err
	}
	ns.net.mu.Lock()
	defer ns.net.mu.Unlock()
	e := &fakeEndpoint{hooks: h, at: network.Attachment{IfName: ep.IfName, Network: ep.Network, Addrs: ep.Addrs, ParentIndex: index}}
	ns.attached = append(ns.attached, e)
	return e, nil
}

func (ns *fakeNamespace) Reroute([]network.Endpoint) error { return nil }

func (ns *fakeNamespace) Close() error {
	ns.net.mu.Lock()
	defer ns.net.mu.Unlock()
	ns.closed = true
	return nil
}

type fakeEndpoint struct {
	hooks hooks
	at    network.Attachment

	mu                       sync.Mutex
	started, stopped, undone bool
}

func (e *fakeEndpoint) Attachment() network.Attachment { return e.at }
func (e *fakeEndpoint) SetDefaultRoute(bool) error     { return nil }

func (e *fakeEndpoint) set(flag *bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*flag = true
}

func (e *fakeEndpoint) is(flag *bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return *flag
}

func (e *fakeEndpoint) Start() { e.set(&e.started) }
func (e *fakeEndpoint) Stop()  { e.set(&e.stopped) }
func (e *fakeEndpoint) Undo() error {
	e.set(&e.undone)
	return nil
}

// world is a monitor with all that it deals with.
type world struct {
	t         *testing.T
	store     *container.Store
	id        string
	m         *Monitor
	clock     *fakeClock
	container *fakeContainer
	net       *fakeNetwork
	config    container.Config
	command   *protocol.Conn // the command's end
	ended     chan struct{}
	err       error // of the monitor, once it has ended
}

// newWorld makes the monitor of a new container whose runs are the instances.
func newWorld(t *testing.T, change func(*container.Config), instances ...*fakeInstance) *world {
	t.Helper()
	dir := t.TempDir()
	store := &container.Store{
		Layout:       container.Layout{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")},
		CgroupParent: "/mvrun-monitor-test", CgroupDriver: "cgroupfs",
	}
	store.KillLeftovers = func(string, container.Process) error { return nil }
	if err := store.Prepare(); err != nil {
		t.Fatal(err)
	}
	h, err := store.Begin()
	if err != nil {
		t.Fatal(err)
	}
	name, err := h.ClaimName("bbox1")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, store: store, id: h.ID,
		clock:     &fakeClock{now: time.Now()},
		container: &fakeContainer{instances: instances},
		net:       &fakeNetwork{parents: map[string]int{"trunk0": 7}, hanging: make(chan struct{})},
		config:    container.Config{ID: h.ID, Name: name, Created: time.Now(), Log: container.LogOptions{Driver: "none"}},
		ended:     make(chan struct{}),
	}
	if change != nil {
		change(&w.config)
	}
	for i := range 2 {
		ep := testEndpoint(i)
		dir := filepath.Join(store.Networks.Dir, ep.Network)
		record := fmt.Sprintf(`{"name": %q, "id": %q}`, ep.Network, ep.NetworkID)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "network.json"), []byte(record), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	w.m = newMonitor(store, h, w.container, w.net, w.clock)
	close(w.m.alone)
	ours, theirs, err := protocol.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	if w.command, err = protocol.ConnOf(ours); err != nil {
		t.Fatal(err)
	}
	monitors, err := protocol.ConnOf(theirs)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.ended)
		w.err = w.m.Run(monitors)
	}()
	t.Cleanup(func() {
		w.command.Close()
		for _, i := range instances {
			i.Kill()
			select {
			case i.exit <- 137:
			default:
			}
		}
		w.m.tasks.cancel()
		w.within(w.ended, "the monitor does not end")
	})
	return w
}

// request asks for the start of the container.
func (w *world) request() {
	w.t.Helper()
	err := errors.Join(
		w.command.SendJSON(protocol.KindRequest, protocol.Request{Op: protocol.OpStart, Config: &w.config}),
		w.command.SendJSON(protocol.KindNetwork, nil))
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reply() (reply protocol.Reply) {
	w.t.Helper()
	_ = w.command.SetReadDeadline(time.Now().Add(patience))
	if err := w.command.ReceiveJSON(protocol.KindReply, &reply); err != nil {
		w.t.Fatal(err)
	}
	return reply
}

// start starts the container.
func (w *world) start() {
	w.t.Helper()
	w.request()
	if reply := w.reply(); reply.Error != "" {
		w.t.Fatal(reply.Error)
	}
}

func (w *world) within(c <-chan struct{}, otherwise string) {
	w.t.Helper()
	if !within(c, patience) {
		w.t.Fatal(otherwise)
	}
}

// until waits for what becomes true.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("it never happens: %s", what)
		}
	}
}

// pass waits until somebody waits for just so long, and lets the time pass.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.until(fmt.Sprintf("somebody waits for %v", d), func() bool { return w.clock.awaits(d) })
	w.clock.advance(d)
}

// state is the record on disk.
func (w *world) state() container.State {
	w.t.Helper()
	s, err := w.m.handle.State()
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// do asks the monitor for something, as a client.
func (w *world) do(req protocol.Request) error { return client.Do(w.store, w.id, req) }

func (w *world) stop(sig unix.Signal, grace time.Duration) {
	w.t.Helper()
	if err := w.do(protocol.Request{Op: protocol.OpSignal, Signal: int(sig), Stop: true, Grace: &grace}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) gets(i *fakeInstance, want unix.Signal) {
	w.t.Helper()
	select {
	case sig := <-i.signals:
		if sig != want {
			w.t.Fatalf("signal %d, want %d", sig, want)
		}
	case <-time.After(patience):
		w.t.Fatalf("signal %d never comes", want)
	}
}
