package monitor

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

func connectRequest() protocol.Request {
	return protocol.Request{Op: protocol.OpConnect, Endpoint: network.Request{Network: "net1"}}
}

// An endpoint comes while the container runs, and goes again.
func TestConnectAndDisconnect(t *testing.T) {
	i := newFakeInstance()
	w := newWorld(t, connected, i)
	w.start()
	if err := w.do(connectRequest()); err != nil {
		t.Fatal(err)
	}
	if s := w.state(); len(s.Attachments) != 2 || s.Attachments[1].IfName != "eth1" {
		t.Errorf("%+v", s.Attachments)
	}
	added := w.net.endpoints()[1]
	if !added.is(&added.started) {
		t.Error("the new endpoint does not guard its address")
	}
	if err := w.do(protocol.Request{Op: protocol.OpDisconnect, Endpoint: network.Request{Network: "net0"}}); err != nil {
		t.Fatal(err)
	}
	if s := w.state(); len(s.Attachments) != 1 || s.Attachments[0].IfName != "eth1" {
		t.Errorf("%+v", s.Attachments)
	}
	first := w.net.endpoints()[0]
	if !first.is(&first.undone) {
		t.Error("the old endpoint is left")
	}
}

// Whatever takes its time on the network, the container can be stopped, and what was
// under way is undone.
func TestConnectWhileStopping(t *testing.T) {
	i := newFakeInstance()
	w := newWorld(t, connected, i)
	w.net.mu.Lock()
	w.net.hang = "eth1"
	w.net.mu.Unlock()
	w.start()
	answer := make(chan error, 1)
	go func() {
		_, err := client.Ask(w.store, w.id, connectRequest())
		answer <- err
	}()
	w.within(w.net.hanging, "nothing is attached")
	if err := w.do(protocol.Request{Op: protocol.OpPause}); err != nil {
		t.Errorf("a pause waits for the network: %v", err)
	}
	w.stop(unix.SIGTERM, time.Minute)
	w.gets(i, unix.SIGTERM)
	i.exit <- 0
	if err := <-answer; err == nil || !strings.Contains(err.Error(), "is not running") {
		t.Errorf("the client hears %v", err)
	}
	w.within(w.ended, "the monitor does not end")
	if w.net.unplaned != 1 {
		t.Error("the claims of the endpoint are left")
	}
	if s := w.state(); s.Status != container.Exited {
		t.Errorf("%+v", s)
	}
}

// Between two runs an endpoint is for the next.
func TestConnectDuringBackoff(t *testing.T) {
	a, b := newFakeInstance(), newFakeInstance()
	w := newWorld(t, func(c *container.Config) { always(c); connected(c) }, a, b)
	w.start()
	a.exit <- 1
	w.until("it waits", func() bool { return w.clock.awaits(firstDelay) })
	if err := w.do(connectRequest()); err != nil {
		t.Fatal(err)
	}
	w.pass(firstDelay)
	w.within(b.released, "no second run")
	w.until("it runs", func() bool { return w.state().Status == container.Running })
	if s := w.state(); len(s.Attachments) != 2 {
		t.Errorf("%+v", s.Attachments)
	}
}

// A parent that goes and comes back gets its endpoint anew.
func TestRejoin(t *testing.T) {
	i := newFakeInstance()
	w := newWorld(t, connected, i)
	w.start()
	old := w.net.endpoints()[0]
	w.net.setParent("trunk0", 0)
	old.hooks.parentGone()
	w.pass(rejoinEvery)
	w.until("it looks again", func() bool { return w.clock.awaits(rejoinEvery) })
	if old.is(&old.undone) {
		t.Error("the endpoint goes before there is another parent")
	}
	w.net.setParent("trunk0", 8)
	w.pass(rejoinEvery)
	w.until("the endpoint stands again", func() bool {
		s := w.state()
		return len(s.Attachments) == 1 && s.Attachments[0].ParentIndex == 8
	})
	if !old.is(&old.undone) {
		t.Error("the old endpoint is left")
	}
}

// A container that ends waits for no parent.
func TestEndWhileRejoining(t *testing.T) {
	i := newFakeInstance()
	w := newWorld(t, connected, i)
	w.start()
	w.net.setParent("trunk0", 0)
	w.net.endpoints()[0].hooks.parentGone()
	w.until("it waits for the parent", func() bool { return w.clock.awaits(rejoinEvery) })
	i.exit <- 0
	w.within(w.ended, "the monitor does not end")
}

// A conflict is recorded once for each host, and one of an old run not at all.
func TestConflict(t *testing.T) {
	i := newFakeInstance()
	w := newWorld(t, connected, i)
	w.start()
	hooks := w.net.endpoints()[0].hooks
	c := network.Conflict{Addr: testEndpoint(0).Addrs[0].Addr(), MAC: "02:00:00:00:00:01", IfName: "eth0"}
	hooks.conflict(c)
	c.Defended = true
	hooks.conflict(c)
	if s := w.state(); len(s.Conflicts) != 1 || !s.Conflicts[0].Defended {
		t.Errorf("%+v", s.Conflicts)
	}
	i.exit <- 0
	w.within(w.ended, "the monitor does not end")
	hooks.conflict(network.Conflict{Addr: c.Addr, MAC: "02:00:00:00:00:02"})
}
