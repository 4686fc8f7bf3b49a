// Package client is what commands do with a container's monitor: start one, ask one
// for something, pass streams, and run one more process in a container, whose
// terminal a monitor may have to keep. It runs in the command.
package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// ErrNotRunning says that the container has no monitor.
var ErrNotRunning = errors.New("is not running")

// ErrLost says that the monitor went away without a word: it was killed.
var ErrLost = errors.New("the container's monitor went away")

// replyTimeout is how long a monitor may take to answer a request that does not
// involve the network.
var replyTimeout = 30 * time.Second

// Session is a client's connection with a monitor.
type Session struct {
	conn *protocol.Conn
	buf  []byte
}

// NewSession is a session over a connection that is there already.
func NewSession(c *protocol.Conn) *Session { return &Session{conn: c} }

// Dial sends the request to the container's monitor and waits for the reply;
// ErrNotRunning if it has no monitor. One that does not answer, stopped or stuck, is
// an error after 30 s.
func Dial(store *container.Store, id string, req protocol.Request) (*Session, error) {
	c, err := connect(store, id)
	if err != nil {
		return nil, err
	}
	s := NewSession(c)
	_ = c.SetDeadline(time.Now().Add(replyTimeout))
	_, err = s.ask(req)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("container %s does not answer: its monitor has said nothing for %v; is it stopped (SIGSTOP)?", store.NameOf(id), replyTimeout)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return s, c.SetDeadline(time.Time{})
}

func connect(store *container.Store, id string) (*protocol.Conn, error) {
	c, err := protocol.Dial(store.AttachSocket(id))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, fmt.Errorf("container %s %w", store.NameOf(id), ErrNotRunning)
	}
	if err != nil {
		return nil, fmt.Errorf("reach monitor: %w", err)
	}
	return c, nil
}

// Do is Dial for a request that ends with its reply.
func Do(store *container.Store, id string, req protocol.Request) error {
	s, err := Dial(store, id, req)
	if err != nil {
		return err
	}
	return s.Close()
}

// Ask is Do for a request whose reply has warnings, and which may take as long as
// the network does.
func Ask(store *container.Store, id string, req protocol.Request) (warnings []string, err error) {
	c, err := connect(store, id)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	reply, err := NewSession(c).ask(req)
	return reply.Warnings, err
}

func (s *Session) ask(req protocol.Request) (protocol.Reply, error) {
	if err := s.send(req); err != nil {
		return protocol.Reply{}, err
	}
	return s.reply()
}

func (s *Session) send(req protocol.Request) error {
	if err := s.conn.SendJSON(protocol.KindRequest, req); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}

func (s *Session) reply() (protocol.Reply, error) {
	var reply protocol.Reply
	if err := s.conn.ReceiveJSON(protocol.KindReply, &reply); err != nil {
		return reply, fmt.Errorf("%w: %w", ErrLost, err)
	}
	if reply.Error != "" {
		return reply, &container.StartError{Code: reply.Code, Err: reply.Err()}
	}
	return reply, nil
}

// Copy passes the container's output on until the container has ended, and returns
// its exit code. ErrLost if the monitor is gone before that. Other goroutines may
// send while one is in Copy.
func (s *Session) Copy(stdout, stderr io.Writer) (code int, err error) {
	for {
		k, payload, err := s.conn.Receive(&s.buf)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrLost, err)
		}
		switch k {
		case protocol.KindStdout:
			_, err = stdout.Write(payload)
		case protocol.KindStderr:
			_, err = stderr.Write(payload)
		case protocol.KindExit:
			var exit protocol.Exit
			return exit.Code, json.Unmarshal(payload, &exit)
		}
		if err != nil {
			return 0, err
		}
	}
}

// Wait waits for the end of the container and returns its exit code.
func (s *Session) Wait() (code int, err error) { return s.Copy(io.Discard, io.Discard) }

// SendStdin passes all of r to the container's stdin, then its end.
func (s *Session) SendStdin(r io.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := s.conn.Send(protocol.KindStdin, buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return s.conn.Send(protocol.KindStdinEOF, nil)
		}
		if err != nil {
			return err
		}
	}
}

// Resize sets the size of the container's terminal.
func (s *Session) Resize(size protocol.Size) error { return s.conn.SendJSON(protocol.KindResize, size) }

// Close ends the session; the container goes on.
func (s *Session) Close() error { return s.conn.Close() }
