package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// acceptPause is how long to wait when a connection can't be had: for want of
// descriptors, say.
const acceptPause = 50 * time.Millisecond

// server serves the container's clients.
type server struct {
	*base
	net      *networking
	control  *control
	listener net.Listener
	out      *output
	streams  atomic.Pointer[streams] // of the latest run
}

// accept answers clients until the listener is closed.
func (s *server) accept(ctx context.Context) {
	eachConn(ctx, s.listener, s.clock, func(c *protocol.Conn) {
		s.tasks.spawn(func(ctx context.Context) {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			s.answer(c)
		})
	})
}

func eachConn(ctx context.Context, l net.Listener, k clock, serve func(*protocol.Conn)) {
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if !sleep(k, ctx.Done(), acceptPause) {
				return
			}
		default:
			serve(&protocol.Conn{Conn: nc})
		}
	}
}

// answer does what the client asks for.
func (s *server) answer(c *protocol.Conn) {
	var req protocol.Request
	if err := c.ReceiveJSON(protocol.KindRequest, &req); err != nil {
		c.Close()
		return
	}
	switch req.Op {
	case protocol.OpAttach, protocol.OpWait:
		s.attachClient(c, req)
		return
	case protocol.OpHold:
		s.hold(c)
		return
	}
	warnings, err := s.do(req)
	reply := protocol.Reply{Warnings: warnings}
	if err != nil {
		reply = protocol.Reply{Error: err.Error(), Code: 1, TakenBy: protocol.TakenBy(err)}
	}
	_ = c.SendJSON(protocol.KindReply, reply)
	c.Close()
}

// do does what needs no more than a reply.
func (s *server) do(req protocol.Request) (warnings []string, err error) {
	switch req.Op {
	case protocol.OpSignal:
		return nil, s.control.signal(req)
	case protocol.OpPause:
		return nil, s.control.pause()
	case protocol.OpUnpause:
		return nil, s.control.unpause()
	case protocol.OpConnect:
		return s.net.connect(req.Endpoint)
	case protocol.OpDisconnect:
		return nil, s.net.disconnect(req.Endpoint.Network)
	case protocol.OpRename:
		return nil, s.net.rename(req.Name)
	}
	return nil, errUnknownOp
}

// attachClient sends c the output from now on, and reads what it sends.
func (s *server) attachClient(c *protocol.Conn, req protocol.Request) {
	stream := req.Op == protocol.OpAttach
	cl := s.out.add(c, stream && req.Stdout, stream && req.Stderr)
	if err := c.SendJSON(protocol.KindReply, protocol.Reply{}); err != nil {
		cl.close()
		return
	}
	s.tasks.spawn(cl.send)
	s.listenTo(cl, stream && req.Stdin)
	if req.Restart && !cl.told.Load() {
		s.control.clientLeft()
	}
}

// listenTo reads what an attached client sends, until it leaves.
func (s *server) listenTo(cl *subscriber, stdin bool) {
	defer cl.close()
	var buf []byte
	for {
		k, payload, err := cl.conn.Receive(&buf)
		if err != nil {
			return
		}
		streams := s.streams.Load()
		switch k {
		case protocol.KindStdin:
			if stdin {
				_, _ = streams.Stdin.Write(payload) // the container may have closed it
			}
		case protocol.KindStdinEOF:
			if stdin {
				streams.Stdin.EOF()
			}
		case protocol.KindResize:
			var size protocol.Size
			if json.Unmarshal(payload, &size) == nil {
				_ = streams.Resize(size)
			}
		}
	}
}

// hold keeps a terminal for a process whose command has left. A terminal lives as long
// as somebody has its master: without one its processes get SIGHUP (tty_ioctl(4)), and
// they block when nobody reads what they write.
func (s *server) hold(c *protocol.Conn) {
	defer c.Close()
	if c.SendJSON(protocol.KindReply, protocol.Reply{}) != nil {
		return
	}
	files, err := c.ReceiveFiles()
	if err != nil {
		_ = c.SendJSON(protocol.KindReply, failure(err))
		return
	}
	master := files[0]
	s.tasks.spawn(func(ctx context.Context) {
		stop := context.AfterFunc(ctx, func() { master.Close() })
		defer stop()
		defer master.Close()
		_, _ = io.Copy(io.Discard, master) // ends with EIO, when no process has the terminal open any more
	})
	_ = c.SendJSON(protocol.KindReply, protocol.Reply{})
}
