package monitor

import (
	"encoding/json"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// acceptPause is how long to wait when a connection can't be had: without
// descriptors, say, until some are free again.
const acceptPause = 50 * time.Millisecond

// serve answers clients until the listener is closed.
func (m *Monitor) serve(l net.Listener) { eachConn(l, m.answer) }

func eachConn(l net.Listener, answer func(*protocol.Conn)) {
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause)
		default:
			go answer(&protocol.Conn{Conn: nc})
		}
	}
}

func (m *Monitor) answer(c *protocol.Conn) {
	var req protocol.Request
	if err := c.ReceiveJSON(protocol.KindRequest, &req); err != nil {
		c.Close()
		return
	}
	switch req.Op {
	case protocol.OpAttach, protocol.OpWait:
		m.attach(c, req)
		return
	case protocol.OpHold:
		m.hold(c)
		return
	}
	reply := protocol.Reply{}
	var err error
	switch req.Op {
	case protocol.OpConnect:
		reply.Warnings, err = m.connect(req.Endpoint)
	case protocol.OpDisconnect:
		err = m.disconnect(req.Endpoint.Network)
	case protocol.OpRename:
		err = m.rename(req.Name)
	default:
		err = m.control(req)
	}
	if err != nil {
		reply = protocol.Reply{Error: err.Error(), Code: 1}
	}
	_ = c.SendJSON(protocol.KindReply, reply)
	c.Close()
}

// attach makes c a client from now on, and reads what it sends.
func (m *Monitor) attach(c *protocol.Conn, req protocol.Request) {
	stream := req.Op == protocol.OpAttach
	cl := m.out.add(c, stream && req.Stdout, stream && req.Stderr)
	if err := c.SendJSON(protocol.KindReply, protocol.Reply{}); err != nil {
		cl.close()
		return
	}
	go cl.send()
	m.listenTo(cl, stream && req.Stdin)
}

// listenTo reads what an attached client sends, until it leaves.
func (m *Monitor) listenTo(cl *subscriber, stdin bool) {
	defer cl.close()
	var buf []byte
	for {
		k, payload, err := cl.conn.Receive(&buf)
		if err != nil {
			return
		}
		io := m.stdio.Load()
		switch k {
		case protocol.KindStdin:
			if stdin {
				_, _ = io.Stdin.Write(payload) // the container may have closed it
			}
		case protocol.KindStdinEOF:
			if stdin {
				io.Stdin.EOF()
			}
		case protocol.KindResize:
			var size protocol.Size
			if json.Unmarshal(payload, &size) == nil {
				_ = io.Resize(size)
			}
		}
	}
}

// control does what needs no more than a reply.
func (m *Monitor) control(req protocol.Request) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch req.Op {
	case protocol.OpSignal:
		m.keep = m.keep || req.Stop && req.Keep
		return m.signal(unix.Signal(req.Signal), req.Stop, req.Shutdown)
	case protocol.OpPause:
		return m.pause()
	case protocol.OpUnpause:
		return m.unpause()
	}
	return errUnknownOp
}
