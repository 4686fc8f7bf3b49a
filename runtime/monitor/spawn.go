package monitor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
)

// The descriptors that a monitor is born with.
const (
	lockFD    = 3 // the container's monitor lock
	requestFD = 4 // the socket to who spawned it
)

// Command is the hidden command that makes mvrun a monitor.
const Command = "monitor"

// Spawned is a monitor that waits for the word to start its container.
type Spawned struct {
	handle *runtime.Handle
	early  *Early
	born   chan error // of the process, which what follows describes

	session *Session
	cmd     *exec.Cmd
	errors  *os.File
}

// Spawn begins a monitor process for the container that h has locked. It boots
// while its parent is still deciding what it is for. flags are mvrun's own, such
// as --root. Exactly one of Start and Cancel must follow.
func (e *Early) Spawn(h *runtime.Handle, flags []string) *Spawned {
	s := &Spawned{handle: h, early: e, born: make(chan error, 1)}
	go func() { s.born <- s.spawn(flags) }()
	return s
}

func (s *Spawned) spawn(flags []string) error {
	// A pipe or lock of our caller's must not stay open as long as a container.
	if err := runtime.KeepDescriptors(); err != nil {
		return fmt.Errorf("mark open files: %w", err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	// What a dying monitor says reaches who started it, by a file that has no
	// name and holds up nobody.
	errFile, err := memfile("monitor.err")
	if err != nil {
		ours.Close()
		return err
	}
	cmd := exec.Command("/proc/self/exe", append(flags, Command, s.handle.ID)...)
	cmd.Dir = "/"
	cmd.Args[0] = "mvrun"
	cmd.Stderr = errFile
	cmd.ExtraFiles = []*os.File{lockFD - 3: s.handle.File(), requestFD - 3: theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true,
		// Not by Unshareflags: that makes all mounts private, and host mounts
		// must go on to show inside.
		Cloneflags: unix.CLONE_NEWNS,
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start monitor: %w", err), ours.Close(), errFile.Close())
	}
	c, err := connOf(ours)
	if err != nil {
		return err
	}
	s.session, s.cmd, s.errors = &Session{conn: c}, cmd, errFile
	return nil
}

// Start lets the monitor start the container, whose configuration is c, and
// returns when that runs; with req.Attach the session goes on with its streams. On
// an error the monitor has undone its part and is gone; the lock is the caller's
// again, and what Start has begun of the network goes with a clean-up of the
// container.
func (s *Spawned) Start(c *runtime.Config, req Request) (*Session, []string, error) {
	begun := s.goAhead(c)
	if err := <-s.born; err != nil {
		begun.close()
		return nil, nil, err
	}
	req.Op = OpStart
	var reply Reply
	err := s.session.send(req)
	_ = s.handOver(begun) // of a monitor that can't take it the reply tells
	if err == nil {
		reply, err = s.session.reply()
	}
	if err != nil {
		s.end()
		if said := s.said(); errors.Is(err, ErrLost) && said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return nil, nil, err
	}
	s.errors.Close()
	err = s.handle.HandOver()
	if !req.Attach {
		err = errors.Join(err, s.session.Close())
	}
	return s.session, reply.Warnings, err
}

// Cancel ends a monitor that has not started its container.
func (s *Spawned) Cancel() {
	s.early.namespace.close()
	if <-s.born == nil {
		s.end()
	}
}

func (s *Spawned) end() {
	s.session.Close()
	_ = s.cmd.Wait() // it sees the end of its socket
}

// said is the last line of the monitor's stderr.
func (s *Spawned) said() string {
	data := make([]byte, 64<<10)
	n, _ := s.errors.ReadAt(data, 0)
	lines := strings.Split(strings.TrimSpace(string(data[:n])), "\n")
	for _, l := range lines {
		if strings.HasPrefix(l, "panic:") || strings.HasPrefix(l, "fatal error:") {
			return l
		}
	}
	return lines[len(lines)-1]
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "monitor"), os.NewFile(uintptr(fds[1]), "command"), nil
}

func memfile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make memory file: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
