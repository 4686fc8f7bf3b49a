package jsonfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// Lock takes the exclusive lock of the file, made if missing, and waits for
// it. What the lock guards is the caller's to say.
func Lock(path string) (unlock func(), err error) {
	f, err := OpenLocked(path, true)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// OpenLocked returns the open, exclusively locked file. The lock belongs to
// the open file description (fcntl(2), "Open file description locks"): a child
// that inherits the descriptor holds it too, and it is free when the last copy
// is closed, by whatever death. Without wait, a held lock is ErrLocked.
//
// The holder may unlink the file: whoever waited on the old one sees that the
// path no longer leads to it, and takes the new one.
func OpenLocked(path string, wait bool) (*os.File, error) {
	how := unix.F_OFD_SETLK
	if wait {
		how = unix.F_OFD_SETLKW
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		err = fcntl(f, how, &unix.Flock_t{Type: unix.F_WRLCK})
		if err != nil {
			f.Close()
			if err == unix.EAGAIN || err == unix.EACCES {
				return nil, ErrLocked
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if samePath(f, path) {
			return f, nil
		}
		f.Close()
	}
}

// WaitLocked is OpenLocked that waits until ctx ends: fcntl(2) itself can't be
// cancelled. The error is then the cause of ctx's end.
func WaitLocked(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := OpenLocked(path, false)
		if !errors.Is(err, ErrLocked) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Flock is flock(2), which can lock a directory, and can be shared. It has nothing
// to do with the locks of OpenLocked: neither sees the other.
func Flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Held tells whether somebody has the lock, without taking it for an instant:
// a look must not make another one's try fail. A missing file is not locked.
func Held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	asked := unix.Flock_t{Type: unix.F_WRLCK}
	return fcntl(f, unix.F_OFD_GETLK, &asked) == nil && asked.Type != unix.F_UNLCK
}

func fcntl(f *os.File, how int, lock *unix.Flock_t) error {
	for {
		// Fd leaves the file blocking, which regular files are anyhow.
		if err := unix.FcntlFlock(f.Fd(), how, lock); err != unix.EINTR {
			return err
		}
	}
}

func samePath(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(held, now)
}
