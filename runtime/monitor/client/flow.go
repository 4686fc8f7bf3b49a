package client

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// flow passes one stream of a process on.
type flow struct {
	from  *os.File // a pipe or a terminal's master, non-blocking
	to    io.Writer
	ended atomic.Bool
}

// end is called when the process has ended: the stream is over once nothing has
// come for execGrace and nothing is left to read. Writing may take any time.
func (f *flow) end() {
	f.ended.Store(true)
	f.limit() // the read that is going on
}

func (f *flow) limit() { _ = f.from.SetReadDeadline(time.Now().Add(execGrace)) }

// run copies until the end of the stream, which a terminal tells by EIO.
func (f *flow) run() {
	buf := make([]byte, 64<<10)
	for {
		if f.ended.Load() {
			f.limit()
		}
		n, err := f.from.Read(buf)
		if n > 0 {
			if _, werr := f.to.Write(buf[:n]); werr != nil {
				return // nobody wants it
			}
		}
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return
		case f.unread() == 0:
			return
		}
	}
}

// unread is how many bytes wait in the stream.
func (f *flow) unread() (n int) {
	raw, err := f.from.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}
