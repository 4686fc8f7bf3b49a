package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/mvrun/mvrun/integration/vm/wire"
)

// Result is what a command in a machine said.
type Result struct {
	Args           []string
	Stdout, Stderr string
	Code           int // 128+n when signal n ended it
}

func (r Result) String() string {
	return fmt.Sprintf("%s: exit code %d\nstdout: %s\nstderr: %s", strings.Join(r.Args, " "), r.Code, r.Stdout, r.Stderr)
}

var errGone = errors.New("the machine is gone")

// agentConn is the harness's end of the serial port.
type agentConn struct {
	conn  net.Conn
	out   *wire.Writer
	hello chan struct{}
	gone  chan struct{} // closed when nothing more can come

	mu      sync.Mutex
	last    uint32
	running map[uint32]*call
}

// call is a command that runs.
type call struct {
	stdout, stderr io.Writer
	exit           chan wire.Frame
}

func newAgentConn(conn net.Conn) *agentConn {
	a := &agentConn{
		conn: conn, out: wire.NewWriter(conn), hello: make(chan struct{}), gone: make(chan struct{}),
		running: map[uint32]*call{},
	}
	go a.read()
	return a
}

func (a *agentConn) close() { a.conn.Close() }

func (a *agentConn) read() {
	defer close(a.gone)
	for {
		f, err := wire.Read(a.conn)
		if err != nil {
			return
		}
		if f.Kind == wire.Hello {
			close(a.hello)
			continue
		}
		a.mu.Lock()
		c := a.running[f.ID]
		a.mu.Unlock()
		switch {
		case c == nil:
		case f.Kind == wire.Stdout:
			c.stdout.Write(f.Data)
		case f.Kind == wire.Stderr:
			c.stderr.Write(f.Data)
		case f.Kind == wire.Exit:
			c.exit <- f
		}
	}
}

// output can be read while it is written: a command that meets its deadline
// has said something until then.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// run runs a command to its end. The error is about the machine or the
// deadline, not about the command's exit code.
func (a *agentConn) run(ctx context.Context, stdin io.Reader, args ...string) (Result, error) {
	return a.do(ctx, stdin, io.Discard, nil, args...)
}

// runTo is run for a long command without input: its output goes to the log as
// well, as it comes, and it gets more environment.
func (a *agentConn) runTo(ctx context.Context, log io.Writer, env []string, args ...string) (Result, error) {
	return a.do(ctx, nil, log, env, args...)
}

func (a *agentConn) do(ctx context.Context, stdin io.Reader, log io.Writer, env []string, args ...string) (Result, error) {
	var stdout, stderr output
	c := &call{io.MultiWriter(&stdout, log), &stderr, make(chan wire.Frame, 1)}
	a.mu.Lock()
	a.last++
	id := a.last
	a.running[id] = c
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.running, id)
		a.mu.Unlock()
	}()
	if err := a.out.Send(wire.Frame{Kind: wire.Start, ID: id, Args: args, Env: env}); err != nil {
		return Result{Args: args}, errors.Join(errGone, err)
	}
	go a.feed(id, stdin)
	select {
	case f := <-c.exit:
		r := Result{args, stdout.String(), stderr.String(), f.Code}
		if f.Error != "" {
			return r, errors.New(f.Error)
		}
		return r, nil
	case <-a.gone:
		return Result{args, stdout.String(), stderr.String(), -1}, errGone
	case <-ctx.Done():
		a.out.Send(wire.Frame{Kind: wire.Kill, ID: id})
		return Result{args, stdout.String(), stderr.String(), -1}, ctx.Err()
	}
}

// feed sends the input and its end.
func (a *agentConn) feed(id uint32, stdin io.Reader) {
	buf := make([]byte, wire.Chunk)
	for stdin != nil {
		n, err := stdin.Read(buf)
		if n > 0 && a.out.Send(wire.Frame{Kind: wire.Stdin, ID: id, Data: buf[:n]}) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	a.out.Send(wire.Frame{Kind: wire.Stdin, ID: id})
}

// Run runs a command in the machine to its end.
func (m *Machine) Run(ctx context.Context, stdin io.Reader, args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, m.within(commandTime))
	defer cancel()
	r, err := m.agent.run(ctx, stdin, args...)
	if err != nil {
		return r, fmt.Errorf("on %s, %s: %w", m.Spec.Name, strings.Join(args, " "), err)
	}
	return r, nil
}
