// Package ctxio ties reading to a context.
package ctxio

import (
	"context"
	"io"
)

// Reader reads from r until its context ends, whose cause is the error then. A
// Read that waits is not woken.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (c reader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
