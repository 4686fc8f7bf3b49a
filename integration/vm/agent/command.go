package main

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/mvrun/mvrun/integration/vm/wire"
)

// server holds the commands that run. Only the loop of serve calls handle.
type server struct {
	out     *wire.Writer
	mu      sync.Mutex
	running map[uint32]*command
	reaper  *reaper
}

type command struct {
	cmd   *exec.Cmd
	stdin chan []byte // closed at the input's end
}

func (s *server) handle(f wire.Frame) {
	if f.Kind == wire.Start {
		s.start(f)
		return
	}
	s.mu.Lock()
	c := s.running[f.ID]
	s.mu.Unlock()
	switch {
	case c == nil: // ended while the frame was on its way
	case f.Kind == wire.Kill:
		syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	case f.Kind == wire.Stdin && len(f.Data) > 0:
		c.stdin <- f.Data
	case f.Kind == wire.Stdin && c.stdin != nil:
		close(c.stdin)
	}
}

func (s *server) start(f wire.Frame) {
	c := &command{exec.Command(f.Args[0], f.Args[1:]...), make(chan []byte, 1024)}
	c.cmd.Env = append(os.Environ(), f.Env...)
	c.cmd.Dir = "/root"
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// Pipes of our own: with exec's, Wait would collect the process itself,
	// which as pid 1 is the reaper's work.
	stdin, feed := pipe()
	outR, outW := pipe()
	errR, errW := pipe()
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = stdin, outW, errW
	ended, err := s.reaper.start(c.cmd)
	closeAll(stdin, outW, errW)
	if err != nil {
		closeAll(feed, outR, errR)
		s.out.Send(wire.Frame{Kind: wire.Exit, ID: f.ID, Code: 127, Error: err.Error()})
		return
	}
	s.mu.Lock()
	s.running[f.ID] = c
	s.mu.Unlock()
	go c.feed(feed)
	go s.finish(f.ID, ended, outR, errR)
}

// finish sends the output and then the exit code.
func (s *server) finish(id uint32, ended <-chan int, stdout, stderr *os.File) {
	var copies sync.WaitGroup
	copies.Go(func() { s.copy(wire.Stdout, id, stdout) })
	copies.Go(func() { s.copy(wire.Stderr, id, stderr) })
	code := <-ended
	copies.Wait()
	s.mu.Lock()
	delete(s.running, id)
	s.mu.Unlock()
	s.out.Send(wire.Frame{Kind: wire.Exit, ID: id, Code: code})
}

func (s *server) copy(kind wire.Kind, id uint32, r *os.File) {
	defer r.Close()
	buf := make([]byte, wire.Chunk)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			s.out.Send(wire.Frame{Kind: kind, ID: id, Data: buf[:n]})
		}
		if err != nil {
			return
		}
	}
}

// feed writes the input until its end, or until nobody reads it.
func (c *command) feed(w *os.File) {
	defer w.Close()
	var err error
	for data := range c.stdin {
		if err == nil {
			_, err = w.Write(data)
		}
	}
}

func pipe() (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err) // out of descriptors: the test machine is broken
	}
	return r, w
}

func closeAll(files ...io.Closer) {
	for _, f := range files {
		f.Close()
	}
}
