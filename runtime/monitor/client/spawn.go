package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Spawned is a monitor that waits for the request to start its container.
type Spawned struct {
	handle   *container.Handle
	prestart *Prestart
	spawned  chan error // brings the outcome of spawn, which sets what follows

	session *Session
	cmd     *exec.Cmd
	errors  *os.File
}

// Spawn starts a monitor process for the container that h has locked. It boots while
// the caller still gathers the configuration. storeArgs are protocol.StoreArgs. Exactly
// one of Start and Cancel must follow.
func (p *Prestart) Spawn(h *container.Handle, storeArgs []string) *Spawned {
	s := &Spawned{handle: h, prestart: p, spawned: make(chan error, 1)}
	go func() { s.spawned <- s.spawn(storeArgs) }()
	return s
}

func (s *Spawned) spawn(storeArgs []string) error {
	// A pipe or a lock of our caller must not stay open as long as the container runs.
	if err := kernel.KeepDescriptors(); err != nil {
		return fmt.Errorf("mark open files: %w", err)
	}
	ours, theirs, err := protocol.SocketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	// The last words of a dying monitor come back by a file without a name: unlike a
	// pipe, it never blocks the monitor.
	errFile, err := memfile("monitor.err")
	if err != nil {
		ours.Close()
		return err
	}
	cmd := exec.Command("/proc/self/exe", append(storeArgs, protocol.Command, s.handle.ID)...)
	cmd.Dir = "/"
	cmd.Args[0] = "mvrun"
	cmd.Stderr = errFile
	cmd.ExtraFiles = []*os.File{protocol.LockFD - 3: s.handle.File(), protocol.RequestFD - 3: theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true,
		// Not by Unshareflags: that makes all mounts private, and what the host
		// mounts later must show inside.
		Cloneflags: unix.CLONE_NEWNS,
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start monitor: %w", err), ours.Close(), errFile.Close())
	}
	c, err := protocol.ConnOf(ours)
	if err != nil {
		return err
	}
	s.session, s.cmd, s.errors = NewSession(c), cmd, errFile
	return nil
}

// Start has the monitor start the container, whose configuration is c, and returns
// when it runs; with req.Attach the session goes on with its streams. On an error
// the monitor has undone its part and is gone, the lock is the caller's again, and
// what was begun of the network goes when the caller cleans up the container. That
// is so, too, if ctx ends and the container does not run soon.
func (s *Spawned) Start(ctx context.Context, c *container.Config, req protocol.Request) (*Session, []string, error) {
	begun := s.beginNetwork(c)
	if err := <-s.spawned; err != nil {
		begun.close()
		return nil, nil, err
	}
	req.Op = protocol.OpStart
	var reply protocol.Reply
	err := s.session.send(req)
	_ = s.handOver(begun) // if the monitor can't take it, its reply says so
	if err == nil {
		reply, err = s.reply(ctx)
	}
	if err != nil {
		s.end()
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
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

// startPatience is how long a start that is not wanted any more may take to come to its
// own end, undoPatience how long
// its monitor may then take to undo it.
const (
	startPatience = time.Second
	undoPatience  = 5 * time.Second
)

// reply waits for the outcome of a start.
func (s *Spawned) reply(ctx context.Context) (protocol.Reply, error) {
	answered := make(chan struct{})
	defer close(answered)
	defer context.AfterFunc(ctx, func() {
		select {
		case <-answered:
		case <-time.After(startPatience):
			s.session.Close()
		}
	})()
	return s.session.reply()
}

// Cancel ends a monitor that has not started its container.
func (s *Spawned) Cancel() {
	s.prestart.namespace.close()
	if <-s.spawned == nil {
		s.end()
	}
}

// end has the monitor undo what it began, which it does when it sees the end of its
// socket. One that can't, as the container's first process hangs, is killed: the
// kernel kills that with it.
func (s *Spawned) end() {
	s.session.Close()
	kill := time.AfterFunc(undoPatience, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Wait()
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

func memfile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make memory file: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
