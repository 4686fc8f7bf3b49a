package monitor

import (
	"sync"
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
	copies sync.WaitGroup
}

func openStreams(c *container.Config, size protocol.Size) (*streams, error) {
	files, err := stdio.Open(c, size)
	return &streams{Files: files}, err
}

// copyTo takes the terminal, if there is one, and begins to copy.
func (s *streams) copyTo(out *output) error {
	if err := s.Started(); err != nil {
		return err
	}
	if s.Terminal != nil {
		s.copies.Go(func() { out.copy(protocol.KindStdout, logfile.Stdout, s.Terminal) })
		return nil
	}
	s.copies.Go(func() { out.copy(protocol.KindStdout, logfile.Stdout, s.Stdout) })
	s.copies.Go(func() { out.copy(protocol.KindStderr, logfile.Stderr, s.Stderr) })
	return nil
}

// drain waits for the end of the output. It comes at once, since the container's
// processes are dead. A process outside that holds a copy of a descriptor can't keep
// the container from ending: the files are closed after drainTimeout.
func (s *streams) drain() {
	if s.Terminal == nil { // a terminal's input is also its output: closed now, the last lines would be lost
		s.Stdin.Close()
	}
	done := make(chan struct{})
	go func() { s.copies.Wait(); close(done) }()
	waitOr(done, drainTimeout)
	s.Close()
	<-done
}
