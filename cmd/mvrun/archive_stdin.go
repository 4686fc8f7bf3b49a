package main

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// archiveStdin is stdin, of which a read ends with the context: whoever fills a
// pipe may have fallen silent. The pipe is opened anew, as the descriptor that it
// came by is shared with others, who would find it non-blocking.
func archiveStdin(ctx context.Context) io.ReadCloser {
	if fi, err := os.Stdin.Stat(); err != nil || fi.Mode()&os.ModeNamedPipe == 0 {
		return io.NopCloser(os.Stdin)
	}
	pipe, err := os.OpenFile("/proc/self/fd/0", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return io.NopCloser(os.Stdin)
	}
	context.AfterFunc(ctx, func() { _ = pipe.SetReadDeadline(time.Unix(1, 0)) })
	return interruptiblePipe{pipe, ctx}
}

type interruptiblePipe struct {
	*os.File
	ctx context.Context
}

func (p interruptiblePipe) Read(b []byte) (int, error) {
	n, err := p.File.Read(b)
	if err != nil && p.ctx.Err() != nil {
		err = context.Cause(p.ctx)
	}
	return n, err
}
