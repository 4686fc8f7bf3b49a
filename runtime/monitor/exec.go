package monitor

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/moby/term"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
)

// ErrDetached says that the user typed the detach keys.
var ErrDetached = errors.New("detached")

// execGrace is how long a command's output may stay open, and silent, after
// its end: a process that it left in the background may hold it for good.
const execGrace = 200 * time.Millisecond

// Exec is one more process in a running container. The command that asks for
// it is its parent and passes its streams; no monitor takes part.
type Exec struct {
	Store          *runtime.Store
	ID             string
	Process        *specs.Process
	TTY            bool
	Size           Size
	Stdin          io.Reader // nil: empty
	Stdout, Stderr io.Writer
	DetachKeys     []byte // with a terminal

	instance *runtime.Instance
	files    *stdio
	copies   sync.WaitGroup
	flows    []*flow
	detached chan struct{}
}

// Detached starts the process and leaves it alone; its terminal, if it has
// one, is the monitor's to keep.
func (e *Exec) Detached() error {
	if e.TTY {
		if err := e.begin(); err != nil {
			return err
		}
		defer e.files.close()
		if err := Hold(e.Store, e.ID, e.files.terminal); err != nil {
			_ = e.instance.Signal(unix.SIGKILL)
			return err
		}
		return nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	_, err = e.Store.Exec(e.ID, e.Process, runtime.Stdio{Stdin: null, Stdout: null, Stderr: null})
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
		e.pass(e.files.terminal, e.Stdout)
	} else {
		e.pass(e.files.stdout, e.Stdout)
		e.pass(e.files.stderr, e.Stderr)
	}
	if e.Stdin != nil {
		go e.feed()
	}
	return nil
}

// begin starts the process.
func (e *Exec) begin() (err error) {
	conf := &runtime.Config{TTY: e.TTY, OpenStdin: e.Stdin != nil, StdinOnce: true}
	if e.files, err = openStdio(conf, e.Size); err != nil {
		return err
	}
	if e.instance, err = e.Store.Exec(e.ID, e.Process, e.files.theirs); err != nil {
		e.files.close()
		return err
	}
	e.files.closeTheirs()
	if e.TTY {
		master, err := receiveFile(e.files.console)
		if err != nil {
			e.files.close()
			return err
		}
		e.files.terminal, e.files.stdin.file = master, master
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
	_, err := io.Copy(e.files.stdin, in)
	var escape term.EscapeError
	switch {
	case errors.As(err, &escape):
		close(e.detached)
	case !e.TTY:
		e.files.stdin.close()
	}
}

// Resize tells the process's terminal its size.
func (e *Exec) Resize(size Size) { _ = e.files.resize(size) }

// Wait returns the process's exit code when it has ended and its output is
// passed on, however long that takes who reads it. ErrDetached: the process
// goes on, and the monitor has its terminal.
func (e *Exec) Wait() (int, error) {
	ended := make(chan int, 1)
	go func() { ended <- e.instance.Wait() }()
	select {
	case <-e.detached:
		if err := Hold(e.Store, e.ID, e.files.terminal); err != nil {
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
