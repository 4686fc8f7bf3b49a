package monitor

import (
	"encoding/json"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// acceptPause is how long to wait when a connection can't be had: without
// descriptors, say, until some are free again.
const acceptPause = 50 * time.Millisecond

// serve answers clients until the listener is closed.
func (m *Monitor) serve(l net.Listener) { eachConn(l, m.answer) }

func eachConn(l net.Listener, answer func(*conn)) {
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause)
		default:
			go answer(&conn{Conn: nc})
		}
	}
}

func (m *Monitor) answer(c *conn) {
	var req Request
	if err := c.receiveJSON(kindRequest, &req); err != nil {
		c.Close()
		return
	}
	switch req.Op {
	case OpAttach, OpWait:
		m.attach(c, req)
		return
	case OpHold:
		m.hold(c)
		return
	}
	reply := Reply{}
	var err error
	switch req.Op {
	case OpConnect:
		reply.Warnings, err = m.connect(req.Leg)
	case OpDisconnect:
		err = m.disconnect(req.Leg.Network)
	case OpRename:
		err = m.rename(req.Name)
	default:
		err = m.control(req)
	}
	if err != nil {
		reply = Reply{Error: err.Error(), Code: 1}
	}
	_ = c.sendJSON(kindReply, reply)
	c.Close()
}

// attach makes c a client from now on, and reads what it sends.
func (m *Monitor) attach(c *conn, req Request) {
	stream := req.Op == OpAttach
	cl := m.out.add(c, stream && req.Stdout, stream && req.Stderr)
	if err := c.sendJSON(kindReply, Reply{}); err != nil {
		cl.close()
		return
	}
	go cl.send()
	m.listenTo(cl, stream && req.Stdin)
}

// listenTo reads what an attached client sends, until it leaves.
func (m *Monitor) listenTo(cl *client, stdin bool) {
	defer cl.close()
	var buf []byte
	for {
		k, payload, err := cl.conn.receive(&buf)
		if err != nil {
			return
		}
		io := m.stdio.Load()
		switch k {
		case kindStdin:
			if stdin {
				_, _ = io.stdin.Write(payload) // the container may have closed it
			}
		case kindStdinEOF:
			if stdin {
				io.stdin.eof()
			}
		case kindResize:
			var size Size
			if json.Unmarshal(payload, &size) == nil {
				_ = io.resize(size)
			}
		}
	}
}

// control does what needs no more than a reply.
func (m *Monitor) control(req Request) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch req.Op {
	case OpSignal:
		m.keep = m.keep || req.Stop && req.Keep
		return m.signal(unix.Signal(req.Signal), req.Stop, req.Shutdown)
	case OpPause:
		return m.pause()
	case OpUnpause:
		return m.unpause()
	}
	return errUnknownOp
}
