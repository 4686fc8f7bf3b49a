// Package stdio makes the standard files of a process in a container: pipes, or a
// terminal. A container's monitor uses it, and so does a command that runs one more
// process in a container.
package stdio

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Files are our ends of a process's standard files.
type Files struct {
	Theirs kernel.Stdio // for the process; CloseTheirs once it has them

	Stdin          *Input
	Stdout, Stderr *os.File // nil with a terminal
	Terminal       *os.File // its master, after ReceiveTerminal

	console *os.File // the socket that the master comes over
}

// Open makes the files for a process whose streams are as the configuration says.
func Open(c *container.Config, size protocol.Size) (f *Files, err error) {
	f = &Files{Stdin: &Input{once: c.StdinOnce && !c.TTY}}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if c.TTY {
		f.Theirs.Width, f.Theirs.Height = size.Width, size.Height
		f.console, f.Theirs.Console, err = protocol.SocketPair()
		return f, err
	}
	if c.OpenStdin {
		f.Theirs.Stdin, f.Stdin.file, err = os.Pipe()
	} else {
		f.Theirs.Stdin, err = os.Open(os.DevNull)
	}
	if err != nil {
		return f, fmt.Errorf("make stdin: %w", err)
	}
	if f.Stdout, f.Theirs.Stdout, err = os.Pipe(); err != nil {
		return f, fmt.Errorf("make stdout: %w", err)
	}
	if f.Stderr, f.Theirs.Stderr, err = os.Pipe(); err != nil {
		return f, fmt.Errorf("make stderr: %w", err)
	}
	return f, nil
}

// Started is called once the process has its files: ours of its ends are closed,
// and its terminal, if it has one, is taken.
func (f *Files) Started() error {
	f.CloseTheirs()
	if f.console == nil {
		return nil
	}
	master, err := protocol.ReceiveFile(f.console)
	if err != nil {
		return fmt.Errorf("receive terminal: %w", err)
	}
	f.Terminal, f.Stdin.file = master, master
	return nil
}

// Resize sets the size of the terminal, if there is one.
func (f *Files) Resize(size protocol.Size) error {
	if f.Terminal == nil {
		return nil
	}
	raw, err := f.Terminal.SyscallConn() // Fd would make it blocking, and its close would wait
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
	return errors.Join(err, cerr)
}

// CloseTheirs closes the process's ends. Idempotent.
func (f *Files) CloseTheirs() {
	for _, their := range []**os.File{&f.Theirs.Stdin, &f.Theirs.Stdout, &f.Theirs.Stderr, &f.Theirs.Console} {
		if *their != nil {
			_ = (*their).Close()
			*their = nil
		}
	}
}

// Close closes all of them. Idempotent.
func (f *Files) Close() {
	f.CloseTheirs()
	f.Stdin.Close()
	for _, own := range []*os.File{f.Stdout, f.Stderr, f.console, f.Terminal} {
		if own != nil {
			_ = own.Close()
		}
	}
}
