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

// execGrace is how long a command's output may stay open after its end: a
// process that it left in the background may hold it for good.
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
	detached chan struct{}
}

// Detached starts the process and leaves it alone.
func (e *Exec) Detached() error {
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
func (e *Exec) Start() (err error) {
	e.detached = make(chan struct{})
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
			return err
		}
		e.files.terminal, e.files.stdin.file = master, master
		e.copies.Go(func() { _, _ = io.Copy(e.Stdout, master) }) // ends with EIO
	} else {
		e.copies.Go(func() { _, _ = io.Copy(e.Stdout, e.files.stdout) })
		e.copies.Go(func() { _, _ = io.Copy(e.Stderr, e.files.stderr) })
	}
	if e.Stdin != nil {
		go e.feed()
	}
	return nil
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
// passed on.
func (e *Exec) Wait() (int, error) {
	ended := make(chan int, 1)
	go func() { ended <- e.instance.Wait() }()
	select {
	case <-e.detached:
		return 0, ErrDetached
	case code := <-ended:
		done := make(chan struct{})
		go func() { e.copies.Wait(); close(done) }()
		for before := -1; !waitOr(done, execGrace); {
			left := e.unread()
			if left == 0 || left == before {
				break
			}
			before = left
		}
		return code, nil
	}
}

// unread is how many bytes of output wait in the pipes.
func (e *Exec) unread() (n int) {
	for _, f := range []*os.File{e.files.stdout, e.files.stderr, e.files.terminal} {
		if f == nil {
			continue
		}
		if raw, err := f.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				more, _ := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
				n += more
			})
		}
	}
	return n
}
