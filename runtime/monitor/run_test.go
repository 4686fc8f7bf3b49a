package monitor

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

func always(c *container.Config) { c.Restart = container.RestartPolicy{Name: container.RestartAlways} }

func connected(c *container.Config) { c.Network.Endpoints = []network.Endpoint{testEndpoint(0)} }

// From the start to the end: the record says each, clients get the output and the
// exit, and all is given back.
func TestRun(t *testing.T) {
	i := newFakeInstance()
	i.oom = true
	w := newWorld(t, connected, i)
	w.start()
	s := w.state()
	if s.Status != container.Running || s.Init.Pid != os.Getpid() || len(s.Attachments) != 1 {
		t.Errorf("while it runs: %+v", s)
	}
	ep := w.net.endpoints()[0]
	if !ep.is(&ep.started) {
		t.Error("its endpoint does not guard its address")
	}
	session, err := client.Dial(w.store, w.id, protocol.Request{Op: protocol.OpAttach, Stdout: true})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := i.output.WriteString("hello\n"); err != nil {
		t.Fatal(err)
	}
	i.exit <- 3
	var out bytes.Buffer
	if code, err := session.Copy(&out, io.Discard); code != 3 || err != nil || out.String() != "hello\n" {
		t.Errorf("the client has %q, code %d, %v", out.String(), code, err)
	}
	w.within(w.ended, "the monitor does not end")
	s = w.state()
	if w.err != nil || s.Status != container.Exited || s.ExitCode != 3 || !s.OOMKilled || s.StoppedByUser || s.Attachments != nil {
		t.Errorf("at the end: %v, %+v", w.err, s)
	}
	if !i.destroyed() || !ep.is(&ep.stopped) || !w.net.spaces[0].closed || !w.net.detached || !w.container.unmounted {
		t.Error("something is left")
	}
	if _, err := os.Stat(w.store.RunDir(w.id)); err == nil {
		t.Error("the run directory is left")
	}
}

// A container that exits is run again, each time after twice the delay, and clients
// hear of each exit.
func TestRestartBacksOff(t *testing.T) {
	a, b, c := newFakeInstance(), newFakeInstance(), newFakeInstance()
	w := newWorld(t, always, a, b, c)
	w.start()
	a.exit <- 1
	w.until("it waits", func() bool { return w.state().Status == container.Restarting })
	if closed(b.started) {
		t.Error("no delay before the second run")
	}
	w.pass(100 * time.Millisecond)
	w.within(b.released, "no second run")
	w.until("it runs again", func() bool { return w.state().Status == container.Running })
	session, err := client.Dial(w.store, w.id, protocol.Request{Op: protocol.OpWait})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	b.exit <- 2
	if code, err := session.Wait(); code != 2 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
	w.pass(200 * time.Millisecond)
	w.within(c.released, "no third run")
	w.until("it is counted", func() bool { return w.state().RestartCount == 2 && w.state().Status == container.Running })
}

// A run that can't be made counts as one that ended at once.
func TestRestartFails(t *testing.T) {
	a, b, c := newFakeInstance(), newFakeInstance(), newFakeInstance()
	b.startErr = errors.New("no such parent")
	w := newWorld(t, always, a, b, c)
	w.start()
	a.exit <- 1
	w.pass(100 * time.Millisecond)
	w.until("the reason is recorded", func() bool { return w.state().Error == "no such parent" })
	if !b.destroyed() {
		t.Error("what failed is left")
	}
	w.pass(200 * time.Millisecond)
	w.within(c.released, "it gives up")
	w.until("it runs", func() bool { return w.state().Status == container.Running && w.state().Error == "" })
}

// Nothing follows once the user wants the container to end.
func TestStopDuringBackoff(t *testing.T) {
	a := newFakeInstance()
	w := newWorld(t, always, a)
	w.start()
	a.exit <- 1
	w.until("it waits", func() bool { return w.clock.awaits(100 * time.Millisecond) })
	if err := w.do(protocol.Request{Op: protocol.OpSignal, Signal: int(unix.SIGTERM)}); err == nil || !strings.Contains(err.Error(), "is not running") {
		t.Errorf("a signal to nobody: %v", err)
	}
	w.stop(unix.SIGTERM, time.Minute)
	w.within(w.ended, "the monitor does not end")
	if s := w.state(); s.Status != container.Exited || s.ExitCode != 1 || !s.StoppedByUser {
		t.Errorf("%+v", s)
	}
}

// A run that is just being made takes no signal, and a stop ends it before its program
// has begun.
func TestSignalWhileStarting(t *testing.T) {
	a, b := newFakeInstance(), newFakeInstance()
	b.hangStart = true
	w := newWorld(t, always, a, b)
	w.start()
	a.exit <- 4
	w.pass(100 * time.Millisecond)
	w.within(b.started, "no second run")
	if err := w.do(protocol.Request{Op: protocol.OpSignal, Signal: int(unix.SIGHUP)}); err == nil || !strings.Contains(err.Error(), "is not running") {
		t.Errorf("a signal to nobody: %v", err)
	}
	w.stop(unix.SIGTERM, time.Minute)
	w.within(w.ended, "a start that hangs holds the stop up")
	if s := w.state(); s.Status != container.Exited || s.ExitCode != 4 || !s.StoppedByUser || s.Error != "" {
		t.Errorf("%+v", s)
	}
	if closed(b.released) || !b.destroyed() {
		t.Error("its program has run, or something is left")
	}
}

// A first process that never gets ready is given up.
func TestStartTakesTooLong(t *testing.T) {
	i := newFakeInstance()
	i.hangStart = true
	w := newWorld(t, connected, i)
	w.request()
	w.within(i.started, "no start")
	w.pass(bootLimit)
	if reply := w.reply(); !strings.Contains(reply.Error, "more than 1m0s") || reply.Code != 125 {
		t.Errorf("%+v", reply)
	}
	w.within(w.ended, "the monitor does not end")
	ep := w.net.endpoints()[0]
	if !i.destroyed() || !ep.is(&ep.undone) {
		t.Error("something is left")
	}
}

// The deaths of a container, one for each phase.
func TestDeath(t *testing.T) {
	t.Run("not spawned", func(t *testing.T) {
		w := newWorld(t, connected)
		w.container.mu.Lock()
		w.container.mountErr = errors.New("no overlay")
		w.container.mu.Unlock()
		w.request()
		if reply := w.reply(); reply.Error != "no overlay" || reply.Code != 125 {
			t.Errorf("%+v", reply)
		}
		w.within(w.ended, "the monitor does not end")
		for _, ep := range w.net.endpoints() {
			if !ep.is(&ep.undone) {
				t.Error("an endpoint is left")
			}
		}
	})
	t.Run("spawned", func(t *testing.T) {
		i := newFakeInstance()
		i.startErr = &container.StartError{Code: 127, Err: errors.New(`exec: "nosuch": not found`)}
		w := newWorld(t, connected, i)
		w.request()
		if reply := w.reply(); reply.Code != 127 || !strings.Contains(reply.Error, "nosuch") {
			t.Errorf("%+v", reply)
		}
		w.within(w.ended, "the monitor does not end")
		if !i.destroyed() || !w.net.spaces[0].closed {
			t.Error("something is left")
		}
	})
	t.Run("started", func(t *testing.T) {
		i := newFakeInstance()
		i.releaseErr = errors.New("container process is dead")
		w := newWorld(t, connected, i)
		w.request()
		if reply := w.reply(); !strings.Contains(reply.Error, "is dead") {
			t.Errorf("%+v", reply)
		}
		w.within(w.ended, "the monitor does not end")
		ep := w.net.endpoints()[0]
		if !i.destroyed() || !ep.is(&ep.undone) || ep.is(&ep.started) {
			t.Error("something is left, or was announced")
		}
	})
	t.Run("released", func(t *testing.T) {
		i := newFakeInstance()
		i.exit <- 5 // before anybody waits
		w := newWorld(t, nil, i)
		w.start()
		w.within(w.ended, "the monitor does not end")
		if s := w.state(); s.Status != container.Exited || s.ExitCode != 5 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("draining", func(t *testing.T) {
		i := newFakeInstance()
		i.holdOutput = true
		w := newWorld(t, nil, i)
		w.start()
		i.exit <- 6
		w.until("it drains", func() bool { return w.clock.awaits(drainTimeout) })
		if err := w.do(protocol.Request{Op: protocol.OpSignal, Signal: int(unix.SIGHUP)}); err == nil {
			t.Error("a signal for one that has ended")
		}
		w.pass(drainTimeout)
		w.within(w.ended, "who holds the output keeps the container from ending")
		if s := w.state(); s.Status != container.Exited || s.ExitCode != 6 {
			t.Errorf("%+v", s)
		}
	})
}

// A container whose command goes away before the commit has never been.
func TestCommandVanishes(t *testing.T) {
	i := newFakeInstance()
	i.hangStart = true
	w := newWorld(t, connected, i)
	w.request()
	w.within(i.started, "no start")
	w.command.Close()
	w.within(w.ended, "the monitor waits for nobody's container")
	if _, err := os.Stat(w.store.Dir(w.id)); err == nil {
		t.Error("the container's directory is left")
	}
	if _, err := os.Stat(filepath.Join(w.store.Root, "names", "bbox1")); err == nil {
		t.Error("its name is left")
	}
	ep := w.net.endpoints()[0]
	if !i.destroyed() || !ep.is(&ep.undone) {
		t.Error("something is left")
	}
}

// One that thought better of it has asked for nothing.
func TestCommandAsksForNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.command.Close()
	w.within(w.ended, "the monitor waits for ever")
	if _, err := os.Stat(w.store.Dir(w.id)); err == nil {
		t.Error("the container's directory is left")
	}
}

// AutoRemove takes the container away with its exit, unless it is to be started again.
func TestAutoRemove(t *testing.T) {
	for name, keep := range map[string]bool{"exit": false, "restart": true} {
		t.Run(name, func(t *testing.T) {
			i := newFakeInstance()
			w := newWorld(t, func(c *container.Config) { c.AutoRemove = true }, i)
			w.start()
			if err := w.do(protocol.Request{Op: protocol.OpSignal, Signal: int(unix.SIGTERM), Stop: true, Keep: keep}); err != nil {
				t.Fatal(err)
			}
			w.gets(i, unix.SIGTERM)
			i.exit <- 0
			w.within(w.ended, "the monitor does not end")
			if _, err := os.Stat(w.store.Dir(w.id)); (err == nil) != keep {
				t.Errorf("directory: %v", err)
			}
		})
	}
}

// The monitor itself ends a container that takes longer than its grace, also when the
// client is gone.
func TestGraceIsTheMonitors(t *testing.T) {
	i := newFakeInstance()
	w := newWorld(t, always, i)
	w.start()
	w.stop(unix.SIGTERM, 3*time.Second)
	w.gets(i, unix.SIGTERM)
	w.pass(3 * time.Second)
	w.gets(i, unix.SIGKILL)
	i.exit <- 137
	w.within(w.ended, "the monitor does not end")
	if s := w.state(); s.ExitCode != 137 || !s.StoppedByUser {
		t.Errorf("%+v", s)
	}
}

// A restart whose client goes away is the monitor's to finish.
func TestRestartOutlivesItsClient(t *testing.T) {
	a, b := newFakeInstance(), newFakeInstance()
	w := newWorld(t, func(c *container.Config) { c.AutoRemove = true }, a, b)
	w.start()
	waiting, err := client.Dial(w.store, w.id, protocol.Request{Op: protocol.OpWait, Restart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.do(protocol.Request{Op: protocol.OpSignal, Signal: int(unix.SIGTERM), Stop: true, Keep: true}); err != nil {
		t.Fatal(err)
	}
	w.gets(a, unix.SIGTERM)
	waiting.Close()
	w.until("it is seen to leave", func() (again bool) {
		w.m.ask(func(s *state) { again = s.again })
		return again
	})
	a.exit <- 143
	w.within(b.released, "it is not started again")
	w.until("it runs", func() bool { return w.state().Status == container.Running })
	if s := w.state(); s.RestartCount != 0 || s.StoppedByUser {
		t.Errorf("%+v", s)
	}
	w.stop(unix.SIGTERM, -1) // and another stop is one
	w.gets(b, unix.SIGTERM)
	b.exit <- 0
	w.within(w.ended, "the monitor does not end")
	if _, err := os.Stat(w.store.Dir(w.id)); err == nil {
		t.Error("it is not removed with its last exit")
	}
}

// A client that is there at the exit starts the container itself.
func TestRestartIsTheClients(t *testing.T) {
	i := newFakeInstance()
	w := newWorld(t, nil, i)
	w.start()
	waiting, err := client.Dial(w.store, w.id, protocol.Request{Op: protocol.OpWait, Restart: true})
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if err := w.do(protocol.Request{Op: protocol.OpSignal, Signal: int(unix.SIGTERM), Stop: true, Keep: true}); err != nil {
		t.Fatal(err)
	}
	i.exit <- 143
	if code, err := waiting.Wait(); code != 143 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
	w.within(w.ended, "the monitor does not end")
}

// A stop thaws a paused container, and one that is just being frozen.
func TestStopWhilePausing(t *testing.T) {
	i := newFakeInstance()
	i.hangPause = make(chan struct{})
	w := newWorld(t, nil, i)
	w.start()
	paused := make(chan error, 1)
	go func() { paused <- w.do(protocol.Request{Op: protocol.OpPause}) }()
	w.stop(unix.SIGTERM, -1)
	w.gets(i, unix.SIGTERM) // although the pause is not done
	close(i.hangPause)
	if err := <-paused; err != nil {
		t.Error(err)
	}
	w.until("it is thawed", func() bool { return !i.isFrozen() && w.state().Status == container.Running })
	if err := w.do(protocol.Request{Op: protocol.OpUnpause}); err == nil || !strings.Contains(err.Error(), "is not paused") {
		t.Errorf("%v", err)
	}
}
