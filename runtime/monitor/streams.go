package monitor

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/logfile"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
	"github.com/mvrun/mvrun/runtime/monitor/stdio"
)

// drainTimeout is how long the output may go on after the container's end.
const drainTimeout = 2 * time.Second

// streams are the standard files of the container's first process, being copied.
type streams struct {
	*stdio.Files
	open   atomic.Int32  // how many are being copied
	copied chan struct{} // closed when none is
}

func openStreams(c *container.Config, size protocol.Size) (*streams, error) {
	files, err := stdio.Open(c, size)
	return &streams{Files: files, copied: make(chan struct{})}, err
}

// copyTo takes the terminal, if there is one, and begins to copy.
func (s *streams) copyTo(t *tasks, out *output) error {
	if err := s.Started(); err != nil {
		return err
	}
	if s.Terminal != nil {
		s.open.Store(1)
		t.spawn(func(context.Context) {
			defer s.done()
			out.copy(protocol.KindStdout, logfile.Stdout, s.Terminal)
		})
		return nil
	}
	s.open.Store(2)
	t.spawn(func(context.Context) {
		defer s.done()
		out.copy(protocol.KindStdout, logfile.Stdout, s.Stdout)
	})
	t.spawn(func(context.Context) {
		defer s.done()
		out.copy(protocol.KindStderr, logfile.Stderr, s.Stderr)
	})
	return nil
}

func (s *streams) done() {
	if s.open.Add(-1) == 0 {
		close(s.copied)
	}
}

// drain waits for the end of the output. It comes at once, since the container's
// processes are dead. A process outside that holds a copy of a descriptor can't keep
// the container from ending: the files are closed after drainTimeout.
func (s *streams) drain(c clock) {
	if s.Terminal == nil { // a terminal's input is also its output: closed now, the last lines would be lost
		s.Stdin.Close()
	}
	sleep(c, s.copied, drainTimeout)
	s.Close()
	<-s.copied
}
