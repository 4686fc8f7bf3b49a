package jsonfile

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// Lock takes an exclusive flock on the file, made if missing, and waits for
// it. What the lock guards is the caller's to say. The file must never be
// unlinked by one that does not hold its lock.
func Lock(path string) (unlock func(), err error) {
	f, err := OpenLocked(path, true)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// OpenLocked returns the open, exclusively flocked file. The lock belongs to
// the open file description: a child that inherits the descriptor holds it
// too, and it is free when the last copy is closed. Without wait, a held lock
// is ErrLocked.
//
// The holder may unlink the file: whoever waited on the old one sees that the
// path no longer leads to it, and takes the new one.
func OpenLocked(path string, wait bool) (*os.File, error) {
	how := unix.LOCK_EX
	if !wait {
		how |= unix.LOCK_NB
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		for {
			err = unix.Flock(int(f.Fd()), how)
			if err != unix.EINTR {
				break
			}
		}
		if err != nil {
			f.Close()
			if err == unix.EWOULDBLOCK {
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

func samePath(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(held, now)
}
