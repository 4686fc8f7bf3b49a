package monitor

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mvrun/mvrun/runtime/logfile"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// pair is a client of o and the other end of its connection.
func pair(t *testing.T, o *output) (*subscriber, *client.Session) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	cl := o.add(&protocol.Conn{Conn: ours}, true, true)
	go cl.send(t.Context())
	return cl, client.NewSession(&protocol.Conn{Conn: theirs})
}

// Every client gets every byte, in order, and the exit after them.
func TestOutputReachesAll(t *testing.T) {
	data := make([]byte, 5<<20)
	for i := range data {
		data[i] = byte(i * 31 >> 3)
	}
	o := newOutput(nil)
	type result struct {
		got  []byte
		code int
		err  error
	}
	results := make(chan result, 3)
	for range cap(results) {
		_, s := pair(t, o)
		go func() {
			var b bytes.Buffer
			code, err := s.Copy(&b, io.Discard)
			results <- result{b.Bytes(), code, err}
		}()
	}
	o.copy(protocol.KindStdout, logfile.Stdout, bytes.NewReader(data))
	o.end()
	o.finish(exitFrame(7))
	for range cap(results) {
		r := <-results
		if r.err != nil || r.code != 7 || !bytes.Equal(r.got, data) {
			t.Errorf("%d bytes, code %d, %v", len(r.got), r.code, r.err)
		}
	}
}

// A client that does not read holds the container up, but for the time that
// the container lives, and only as long as it is there.
func TestStalledClient(t *testing.T) {
	endless := func() io.Reader { return io.LimitReader(zeros{}, 4*maxQueued) }
	for name, free := range map[string]func(*output, *subscriber){
		"the client leaves":  func(_ *output, c *subscriber) { c.close() },
		"the container ends": func(o *output, _ *subscriber) { o.end() },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutput(nil)
			cl, _ := pair(t, o)
			done := make(chan struct{})
			go func() {
				o.copy(protocol.KindStdout, logfile.Stdout, endless())
				close(done)
			}()
			if within(done, 50*time.Millisecond) {
				t.Fatal("nobody waited for the client: output is lost or memory grows")
			}
			free(o, cl)
			if !within(done, 5*time.Second) {
				t.Fatal("the container is held up for ever")
			}
			cl.close()
		})
	}
}

// A client that has yet to read an exit holds up no restart, and has all in
// the end; only flush waits for it.
func TestExitWaitsForNobody(t *testing.T) {
	o := newOutput(nil)
	_, slow := pair(t, o)
	o.copy(protocol.KindStdout, logfile.Stdout, bytes.NewReader([]byte("first run")))
	o.end()
	o.finish(exitFrame(1))
	o.restart()
	gone, left := pair(t, o)
	left.Close()
	flushed := make(chan struct{})
	o.copy(protocol.KindStdout, logfile.Stdout, bytes.NewReader([]byte("second run")))
	o.end()
	o.finishAll(exitFrame(2))
	_, late := pair(t, o)
	go func() { o.flush(); close(flushed) }()
	if within(flushed, 50*time.Millisecond) {
		t.Fatal("flush waits for nobody")
	}
	for want, c := range map[int]*client.Session{1: slow, 2: late} {
		var b bytes.Buffer
		code, err := c.Copy(&b, io.Discard)
		if said := map[int]string{1: "first run", 2: ""}[want]; err != nil || code != want || b.String() != said {
			t.Errorf("%q, exit %d, %v", b.String(), code, err)
		}
	}
	if !within(flushed, 5*time.Second) {
		t.Error("flush waits for ever")
	}
	gone.close() // once more is as good as once
}

// A client that is gone before it was answered is waited for by nobody.
func TestClientGoneBeforeItsReply(t *testing.T) {
	m := newMonitor(nil, nil, nil, nil, systemClock{})
	m.server.out = newOutput(nil)
	ours, theirs := net.Pipe()
	theirs.Close()
	m.server.attachClient(&protocol.Conn{Conn: ours}, protocol.Request{Op: protocol.OpWait})
	flushed := make(chan struct{})
	go func() {
		m.server.out.finishAll(exitFrame(0))
		m.server.out.flush()
		close(flushed)
	}()
	if !within(flushed, 5*time.Second) {
		t.Error("the exit waits for it")
	}
}

// within waits for the channel to be closed, and reports whether it was in time.
func within(c <-chan struct{}, d time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(d):
		return false
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
