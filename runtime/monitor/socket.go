package monitor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A unix socket's path holds 108 bytes (unix(7)), and state directories may be
// deeper: both ends reach it through a descriptor of its directory.

func listen(path string) (net.Listener, error) {
	var l *net.UnixListener
	err := throughDir(path, func(short string) (err error) {
		if l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"}); err != nil {
			return err
		}
		l.SetUnlinkOnClose(false) // the short path leads elsewhere by then
		return os.Chmod(short, 0o600)
	})
	return l, err
}

func dial(path string) (*conn, error) {
	var c net.Conn
	err := throughDir(path, func(short string) (err error) {
		c, err = net.Dial("unix", short)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

func throughDir(path string, use func(short string) error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return use("/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + filepath.Base(path))
}

// peerAlive is an error when the other end is closed.
func (c *conn) peerAlive() error {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	var n int
	rerr := raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	})
	if rerr != nil || err == nil && n == 0 {
		return errors.New("the command that asked for the container is gone")
	}
	return nil // EAGAIN: it is there and says nothing
}

// connOf makes a conn of a socket that was passed as a descriptor.
func connOf(f *os.File) (*conn, error) {
	c, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("use socket: %w", err)
	}
	return &conn{Conn: c}, nil
}
