package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/term"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Size is that of a terminal, in characters.
type Size = protocol.Size

// ErrDetached says that the caller's user typed the detach keys: the process
// goes on without.
var ErrDetached = client.ErrDetached

// Attach says which streams of a container a session is to have.
type Attach struct {
	Stdin, Stdout, Stderr bool
	Size                  Size // of the caller's terminal; zero: unknown
}

func (a *Attach) request(attach bool) protocol.Request {
	return protocol.Request{Op: protocol.OpAttach, Attach: attach, Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr, Size: a.Size}
}

// Streams are a caller's ends of a process's standard streams.
type Streams struct {
	Stdin          io.Reader // nil: not attached
	Stdout, Stderr io.Writer // of a process with a terminal all is Stdout
	// DetachKeys, where the process has a terminal, end the session and not the
	// process: ErrDetached.
	DetachKeys []byte
}

// Session is a connection with the streams of a running container. It ends with
// Stream or Close.
type Session struct {
	ID    string // the container's
	store *container.Store
	conn  *client.Session
}

// Attachable is Get for a container that is about to be attached to: one that
// is Paused or NotRunning can't be.
func (cs *Containers) Attachable(ctx context.Context, ref string) (*container.Container, error) {
	cont, err := cs.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	name := cont.Config.Name
	switch {
	case cont.State.Status == container.Paused:
		return nil, &Paused{Ref: name, Err: errors.New("you cannot attach to a paused container, unpause it first")}
	case !cont.State.Status.Live():
		return nil, &NotRunning{Ref: name, Err: fmt.Errorf("you cannot attach to a stopped container, start it first: container %s is not running", name)}
	}
	return cont, nil
}

// Attach connects to the streams of a running container.
func (cs *Containers) Attach(ctx context.Context, ref string, a Attach) (*Session, error) {
	cont, err := cs.Attachable(ctx, ref)
	if err != nil {
		return nil, err
	}
	conn, err := client.Dial(cs.store, cont.Config.ID, a.request(true))
	if err != nil {
		return nil, typed(Container, ref, err)
	}
	return &Session{ID: cont.Config.ID, store: cs.store, conn: conn}, nil
}

// Stream passes the streams between the caller and the container until the
// container exits, whose code it returns, or the user detaches: ErrDetached.
// A monitor that is killed meanwhile is a Lost.
func (s *Session) Stream(st Streams) (code int, err error) {
	defer s.Close()
	detached := make(chan struct{})
	if st.Stdin != nil {
		go s.sendStdin(st, detached)
	}
	type exit struct {
		code int
		err  error
	}
	exits := make(chan exit, 1)
	go func() {
		code, err := s.conn.Copy(st.Stdout, st.Stderr)
		exits <- exit{code, err}
	}()
	select {
	case <-detached:
		return 0, ErrDetached
	case e := <-exits:
		if errors.Is(e.err, client.ErrLost) {
			return 0, s.lost(e.err)
		}
		return e.code, e.err
	}
}

// lost finds out what became of a container whose monitor was killed.
func (s *Session) lost(err error) error {
	c, lerr := s.store.Load(s.ID)
	if lerr != nil {
		return &Lost{ExitCode: 128 + int(unix.SIGKILL), Err: err}
	}
	return &Lost{ExitCode: c.State.ExitCode, Err: err}
}

// sendStdin ends when the container does; it closes detached when the user
// typed the detach keys.
func (s *Session) sendStdin(st Streams, detached chan struct{}) {
	in := st.Stdin
	if len(st.DetachKeys) > 0 {
		in = term.NewEscapeProxy(in, st.DetachKeys)
	}
	err := s.conn.SendStdin(in)
	var escape term.EscapeError
	if errors.As(err, &escape) {
		close(detached)
	}
}

// Resize tells the container's terminal the size of the caller's.
func (s *Session) Resize(size Size) error { return s.conn.Resize(size) }

// Signal sends a signal to the container's first process.
func (s *Session) Signal(sig unix.Signal) error {
	return client.Do(s.store, s.ID, protocol.Request{Op: protocol.OpSignal, Signal: int(sig)})
}

// Close ends the session; the container goes on.
func (s *Session) Close() error { return s.conn.Close() }
