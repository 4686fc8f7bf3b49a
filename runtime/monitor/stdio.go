package monitor

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/logfile"
)

// stdio are the monitor's ends of the container's standard files.
type stdio struct {
	theirs   runtime.Stdio // for the container; closed once it has them
	stdin    *input
	terminal *os.File // the master, of a container with a terminal
	console  *os.File // the socket that the master comes over

	stdout, stderr *os.File
	copies         sync.WaitGroup
}

// openStdio makes the files for a container.
func openStdio(c *runtime.Config, size Size) (s *stdio, err error) {
	s = &stdio{stdin: &input{once: c.StdinOnce && !c.TTY}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if c.TTY {
		s.theirs.Width, s.theirs.Height = size.Width, size.Height
		s.console, s.theirs.Console, err = socketPair()
		return s, err
	}
	if c.OpenStdin {
		s.theirs.Stdin, s.stdin.file, err = os.Pipe()
	} else {
		s.theirs.Stdin, err = os.Open(os.DevNull)
	}
	if err != nil {
		return s, fmt.Errorf("make stdin: %w", err)
	}
	if s.stdout, s.theirs.Stdout, err = os.Pipe(); err != nil {
		return s, fmt.Errorf("make stdout: %w", err)
	}
	if s.stderr, s.theirs.Stderr, err = os.Pipe(); err != nil {
		return s, fmt.Errorf("make stderr: %w", err)
	}
	return s, nil
}

// started takes the terminal, if there is one, and begins to copy.
func (s *stdio) started(out *output) error {
	s.closeTheirs()
	if s.console != nil {
		master, err := receiveFile(s.console)
		if err != nil {
			return fmt.Errorf("receive terminal: %w", err)
		}
		s.terminal, s.stdin.file = master, master
		s.copies.Go(func() { out.copy(kindStdout, logfile.Stdout, master) })
		return nil
	}
	s.copies.Go(func() { out.copy(kindStdout, logfile.Stdout, s.stdout) })
	s.copies.Go(func() { out.copy(kindStderr, logfile.Stderr, s.stderr) })
	return nil
}

// drain waits for the end of the output. It comes at once: the container's
// processes are dead. Who holds a copy of the descriptor outside of it can't
// keep the container from ending: the files are closed after a while.
func (s *stdio) drain() {
	if s.terminal == nil { // a terminal's input is its output's file: closed now, the last lines would be lost
		s.stdin.close()
	}
	done := make(chan struct{})
	go func() { s.copies.Wait(); close(done) }()
	waitOr(done, drainTimeout)
	s.close()
	<-done
}

func (s *stdio) resize(size Size) error {
	if s.terminal == nil {
		return nil
	}
	raw, err := s.terminal.SyscallConn() // Fd would make it blocking, and its close would wait
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
	return errors.Join(err, cerr)
}

func (s *stdio) closeTheirs() {
	for _, f := range []**os.File{&s.theirs.Stdin, &s.theirs.Stdout, &s.theirs.Stderr, &s.theirs.Console} {
		if *f != nil {
			_ = (*f).Close()
			*f = nil
		}
	}
}

func (s *stdio) close() {
	s.closeTheirs()
	s.stdin.close()
	for _, f := range []*os.File{s.stdout, s.stderr, s.console, s.terminal} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// receiveFile takes one descriptor off a unix socket (unix(7), SCM_RIGHTS).
func receiveFile(socket *os.File) (*os.File, error) {
	name := make([]byte, 4096)
	control := make([]byte, unix.CmsgSpace(4))
	_, cn, _, _, err := unix.Recvmsg(int(socket.Fd()), name, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	files, err := filesOf(control[:cn])
	if err != nil {
		return nil, err
	}
	return files[0], nil
}
