// Package sharedfile opens files that a container can open too. What a program
// inside does to such a file, by a lease, a lock, a fifo or a device in its
// place, must not make us wait.
package sharedfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

var (
	// ErrHeld says that a program has a lease on the file (fcntl(2), F_SETLEASE).
	// Opening has begun to break it; the kernel takes it away after
	// /proc/sys/fs/lease-break-time seconds.
	ErrHeld = errors.New("a program holds a lease on it")
	// ErrIrregular says that there is no regular file.
	ErrIrregular = errors.New("not a regular file")
)

// Open opens a regular file that is there for reading and writing. It does not
// wait: open(2) would, without O_NONBLOCK, until the holder of a lease has given
// that up.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	return regular(f, path, err)
}

// Reopen opens for reading what an O_PATH descriptor stands for, if that is a
// regular file, and does not wait either.
func Reopen(fd int, name string) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG { // opening a device alone may act on it
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrIrregular}
	}
	f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
	return regular(f, name, err)
}

func regular(f *os.File, name string, err error) (*os.File, error) {
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrHeld}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrIrregular}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Make puts a new file with this text into the place of path, and returns it
// open for writing. As long as it stays open nobody gets a lease on it: the
// kernel grants one for reading only while no one has the file open for writing,
// and one for writing only to who alone has it open (fcntl(2), F_SETLEASE).
func Make(path string, text []byte, perm fs.FileMode) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		f.Close()
		_ = os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}
