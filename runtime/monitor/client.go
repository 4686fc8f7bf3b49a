package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
)

// ErrNotRunning says that there is no monitor to ask.
var ErrNotRunning = errors.New("is not running")

// ErrLost is a monitor that went away without a word: it was killed.
var ErrLost = errors.New("the container's monitor went away")

// replyTimeout is how long a monitor may take for a request that it need not
// ask the network about.
var replyTimeout = 30 * time.Second

// Session is a client's connection with a monitor.
type Session struct {
	conn *conn
	buf  []byte
}

// Dial asks the monitor of the container for something. ErrNotRunning if it
// has none. A monitor that does not answer, stopped or stuck, is an error
// after 30 s.
func Dial(store *runtime.Store, id string, req Request) (*Session, error) {
	c, err := connect(store, id)
	if err != nil {
		return nil, err
	}
	s := &Session{conn: c}
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

func connect(store *runtime.Store, id string) (*conn, error) {
	c, err := dial(store.AttachSocket(id))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, fmt.Errorf("container %s %w", store.NameOf(id), ErrNotRunning)
	}
	if err != nil {
		return nil, fmt.Errorf("reach monitor: %w", err)
	}
	return c, nil
}

// Do is Dial for a request that is done with its reply.
func Do(store *runtime.Store, id string, req Request) error {
	s, err := Dial(store, id, req)
	if err != nil {
		return err
	}
	return s.Close()
}

// Ask is Do for a request whose reply has warnings.
func Ask(store *runtime.Store, id string, req Request) (warnings []string, err error) {
	c, err := connect(store, id)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	reply, err := (&Session{conn: c}).ask(req)
	return reply.Warnings, err
}

func (s *Session) ask(req Request) (Reply, error) {
	if err := s.send(req); err != nil {
		return Reply{}, err
	}
	return s.reply()
}

func (s *Session) send(req Request) error {
	if err := s.conn.sendJSON(kindRequest, req); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}

func (s *Session) reply() (Reply, error) {
	var reply Reply
	if err := s.conn.receiveJSON(kindReply, &reply); err != nil {
		return reply, fmt.Errorf("%w: %w", ErrLost, err)
	}
	if reply.Error != "" {
		return reply, &runtime.StartError{Code: reply.Code, Err: errors.New(reply.Error)}
	}
	return reply, nil
}

// Copy passes the container's output on until its exit, whose code it
// returns. ErrLost if the monitor is gone before that. One goroutine may be
// in Copy while others send.
func (s *Session) Copy(stdout, stderr io.Writer) (code int, err error) {
	for {
		k, payload, err := s.conn.receive(&s.buf)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrLost, err)
		}
		switch k {
		case kindStdout:
			_, err = stdout.Write(payload)
		case kindStderr:
			_, err = stderr.Write(payload)
		case kindExit:
			var exit Exit
			return exit.Code, json.Unmarshal(payload, &exit)
		}
		if err != nil {
			return 0, err
		}
	}
}

// Wait returns the container's exit code.
func (s *Session) Wait() (code int, err error) { return s.Copy(io.Discard, io.Discard) }

// SendStdin passes everything of r to the container, then its end.
func (s *Session) SendStdin(r io.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := s.conn.send(kindStdin, buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return s.conn.send(kindStdinEOF, nil)
		}
		if err != nil {
			return err
		}
	}
}

// Resize tells the size of the client's terminal.
func (s *Session) Resize(size Size) error { return s.conn.sendJSON(kindResize, size) }

// Close ends the session; the container goes on.
func (s *Session) Close() error { return s.conn.Close() }
