package client

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/moby/term"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
	"github.com/mvrun/mvrun/runtime/monitor/stdio"
)

// ErrDetached says that the user has typed the detach keys.
var ErrDetached = errors.New("detached")

// execGrace is how long the output of a process that has ended may be silent before
// it is taken as finished: a process in the background may keep it open for ever.
const execGrace = 200 * time.Millisecond

// Exec is one more process in a running container. The command that asks for it is
// its parent and passes its streams; the monitor takes no part until it is to keep
// the terminal.
type Exec struct {
	Store          *container.Store
	ID             string
	Process        *specs.Process
	TTY            bool
	Size           protocol.Size
	Stdin          io.Reader // nil: empty
	Stdout, Stderr io.Writer
	DetachKeys     []byte // with a terminal

	instance *kernel.Instance
	files    *stdio.Files
	copies   sync.WaitGroup
	flows    []*flow
	detached chan struct{}
}

// Detached starts the process and leaves it alone. Its terminal, if it has one, is
// kept by the monitor.
func (e *Exec) Detached() error {
	if e.TTY {
		if err := e.begin(); err != nil {
			return err
		}
		defer e.files.Close()
		if err := Hold(e.Store, e.ID, e.files.Terminal); err != nil {
			_ = e.instance.Signal(unix.SIGKILL)
			return err
		}
		e.instance.AwaitProgram()
		return nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	instance, err := kernel.Of(e.Store).Exec(e.ID, e.Process, kernel.Stdio{Stdin: null, Stdout: null, Stderr: null})
	if err == nil {
		instance.AwaitProgram()
	}
	return err
}

// Start starts the process and begins to pass its streams. The process gets
// pipes and never our own files: through /proc/self/fd it could reopen those,
// and write to the terminal that we were started from.
func (e *Exec) Start() error {
	if err := e.begin(); err != nil {
		return err
	}
	e.detached = make(chan struct{})
	if e.TTY {
		e.pass(e.files.Terminal, e.Stdout)
	} else {
		e.pass(e.files.Stdout, e.Stdout)
		e.pass(e.files.Stderr, e.Stderr)
	}
	if e.Stdin != nil {
		go e.feed()
	}
	return nil
}

// begin starts the process.
func (e *Exec) begin() (err error) {
	conf := &container.Config{TTY: e.TTY, OpenStdin: e.Stdin != nil, StdinOnce: true}
	if e.files, err = stdio.Open(conf, e.Size); err != nil {
		return err
	}
	if e.instance, err = kernel.Of(e.Store).Exec(e.ID, e.Process, e.files.Theirs); err != nil {
		e.files.Close()
		return err
	}
	if err := e.files.Started(); err != nil {
		e.files.Close()
		return err
	}
	return nil
}

func (e *Exec) pass(from *os.File, to io.Writer) {
	f := &flow{from: from, to: to}
	e.flows = append(e.flows, f)
	e.copies.Go(f.run)
}

func (e *Exec) feed() {
	in := e.Stdin
	if e.TTY {
		in = term.NewEscapeProxy(in, e.DetachKeys)
	}
	_, err := io.Copy(e.files.Stdin, in)
	var escape term.EscapeError
	switch {
	case errors.As(err, &escape):
		close(e.detached)
	case !e.TTY:
		e.files.Stdin.Close()
	}
}

// Resize sets the size of the process's terminal.
func (e *Exec) Resize(size protocol.Size) { _ = e.files.Resize(size) }

// Wait returns the process's exit code when it has ended and all of its output is
// passed on, however slowly that is read. ErrDetached: the process goes on, and the
// monitor has its terminal.
func (e *Exec) Wait() (int, error) {
	ended := make(chan int, 1)
	go func() { ended <- e.instance.Wait() }()
	select {
	case <-e.detached:
		if err := Hold(e.Store, e.ID, e.files.Terminal); err != nil {
			return 0, err
		}
		return 0, ErrDetached
	case code := <-ended:
		for _, f := range e.flows {
			f.end()
		}
		e.copies.Wait()
		return code, nil
	}
}
