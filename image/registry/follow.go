package registry

import (
	"context"
	"errors"
	"io"
)

// follow returns a reader of the blob that waits for the bytes that are still to
// come. The end is an end only when the digest has been checked: until then
// nobody may believe what was read.
func (d *download) follow(ctx context.Context) io.ReadCloser {
	d.mu.Lock()
	f := &follower{d: d, ctx: ctx, version: d.version}
	d.mu.Unlock()
	// A condition variable hears of no context: this wakes it.
	f.stop = context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.more.Broadcast()
	})
	return f
}

// errRewritten tells a reader that what it has read was wrong.
var errRewritten = errors.New("the download began all over again")

type follower struct {
	d       *download
	ctx     context.Context
	stop    func() bool
	pos     int64
	version int // of the download, when reading began
}

func (f *follower) Read(p []byte) (int, error) {
	n, err := f.wait(int64(len(p)))
	if n == 0 || err != nil {
		return 0, err
	}
	read, err := f.d.file.ReadAt(p[:n], f.pos)
	f.pos += int64(read)
	if errors.Is(err, io.EOF) {
		err = nil
		if read == 0 {
			err = errRewritten // the file was emptied meanwhile
		}
	}
	return read, err
}

// wait returns how many bytes, at most max, can be read now.
func (f *follower) wait(max int64) (int64, error) {
	d := f.d
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		if err := f.ctx.Err(); err != nil {
			return 0, context.Cause(f.ctx)
		}
		if f.version != d.version {
			return 0, errRewritten
		}
		if left := d.done - f.pos; left > 0 && !(d.end && d.err != nil) {
			return min(left, max), nil
		}
		if d.end {
			if d.err == nil {
				return 0, io.EOF
			}
			return 0, d.err
		}
		d.more.Wait()
	}
}

func (f *follower) Close() error {
	f.stop()
	return nil
}
