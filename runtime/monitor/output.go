package monitor

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/logfile"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// maxQueued is how many bytes a client may lag behind before the container
// waits for it: nothing is lost, and nobody's memory grows.
const maxQueued = 1 << 20

// output passes what the container writes to its log and to all clients.
type output struct {
	log *logfile.Writer // nil: kept nowhere

	mu      sync.Mutex
	clients map[*subscriber]bool // of the current run
	sending map[*subscriber]bool // all that are connected, also those of earlier runs
	last    []byte               // the exit after which there is none
	ended   atomic.Bool          // the container is gone: what is left fits into memory
}

// subscriber is a client that is sent the container's output.
type subscriber struct {
	conn   *protocol.Conn
	kinds  map[protocol.Kind]bool
	out    *output
	mu     sync.Mutex
	wake   *sync.Cond
	queue  []frame
	queued int
	closed bool
	done   chan struct{} // closed with closed: the exit is sent, or the client gone
	told   atomic.Bool   // the exit is sent
}

type frame struct {
	kind    protocol.Kind
	payload []byte
}

func newOutput(log *logfile.Writer) *output {
	return &output{log: log, clients: map[*subscriber]bool{}, sending: map[*subscriber]bool{}}
}

// add makes c a client; frames wait in its queue until send runs.
func (o *output) add(c *protocol.Conn, stdout, stderr bool) *subscriber {
	cl := &subscriber{conn: c, out: o, kinds: map[protocol.Kind]bool{protocol.KindStdout: stdout, protocol.KindStderr: stderr}, done: make(chan struct{})}
	cl.wake = sync.NewCond(&cl.mu)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clients[cl], o.sending[cl] = true, true
	if o.last != nil {
		cl.push(frame{protocol.KindExit, o.last}, false)
	}
	return cl
}

// copy reads r to its end. A log that can't be written, on a full disk, does
// not stop the container or its clients.
func (o *output) copy(k protocol.Kind, stream logfile.Stream, r io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if o.log != nil {
				_ = o.log.Write(stream, buf[:n])
			}
			o.broadcast(k, buf[:n])
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return // the end; of a terminal it is EIO
		}
	}
}

func (o *output) broadcast(k protocol.Kind, data []byte) {
	o.mu.Lock()
	var to []*subscriber
	for c := range o.clients {
		if c.kinds[k] {
			to = append(to, c)
		}
	}
	o.mu.Unlock()
	if len(to) == 0 {
		return
	}
	shared := append([]byte(nil), data...)
	for _, c := range to {
		c.push(frame{k, shared}, true)
	}
}

// closeLog ends the log; nothing is copied any more.
func (o *output) closeLog() error {
	if o.log == nil {
		return nil
	}
	return o.log.Close()
}

// end lets no client hold up what comes from now on.
func (o *output) end() {
	o.ended.Store(true)
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.clients {
		c.mu.Lock()
		c.wake.Broadcast()
		c.mu.Unlock()
	}
}

// finish tells all clients of an exit and waits for none: they read what they
// have not read yet while the container may run again.
func (o *output) finish(exit []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.clients {
		c.push(frame{protocol.KindExit, exit}, false)
	}
	o.clients = map[*subscriber]bool{}
}

// finishAll is finish for the last exit: a client that comes later hears of it too.
func (o *output) finishAll(exit []byte) {
	o.mu.Lock()
	o.last = exit
	o.mu.Unlock()
	o.finish(exit)
}

// flush waits until every client has read all, or is gone. One that pauses is
// waited for as long as it stays connected: its output is nowhere else.
func (o *output) flush() {
	for {
		o.mu.Lock()
		var next *subscriber
		for next = range o.sending {
			break
		}
		o.mu.Unlock()
		if next == nil {
			return
		}
		<-next.done
	}
}

// restart makes the output ready for the container's next run.
func (o *output) restart() { o.ended.Store(false) }

func (c *subscriber) push(f frame, wait bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for wait && c.queued > maxQueued && !c.closed && !c.out.ended.Load() {
		c.wake.Wait()
	}
	if c.closed {
		return
	}
	c.queue = append(c.queue, f)
	c.queued += len(f.payload)
	c.wake.Broadcast()
}

// send writes the queue to the client until the exit is sent or it is gone.
func (c *subscriber) send(context.Context) {
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.closed {
			c.wake.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		f := c.queue[0]
		c.queue = c.queue[1:]
		c.queued -= len(f.payload)
		c.wake.Broadcast()
		c.mu.Unlock()
		if err := c.conn.Send(f.kind, f.payload); err != nil || f.kind == protocol.KindExit {
			c.told.Store(err == nil)
			c.close()
			return
		}
	}
}

// close drops the client; nothing waits for it any longer. It is idempotent.
func (c *subscriber) close() {
	c.out.mu.Lock()
	delete(c.out.clients, c)
	delete(c.out.sending, c)
	c.out.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	close(c.done)
	c.queue = nil
	c.wake.Broadcast()
	_ = c.conn.Close()
}
