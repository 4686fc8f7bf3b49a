package protocol

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The path of a unix socket holds 108 bytes (unix(7)), and state directories may
// be deeper: both ends reach it through a descriptor of its directory.

// Listen makes the socket at path, which only its owner may use.
func Listen(path string) (net.Listener, error) {
	var l *net.UnixListener
	err := throughDir(path, func(short string) (err error) {
		if l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"}); err != nil {
			return err
		}
		l.SetUnlinkOnClose(false) // at the close, the short path leads elsewhere
		return os.Chmod(short, 0o600)
	})
	return l, err
}

// Dial connects to the socket at path.
func Dial(path string) (*Conn, error) {
	var c net.Conn
	err := throughDir(path, func(short string) (err error) {
		c, err = net.Dial("unix", short)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c}, nil
}

func throughDir(path string, use func(short string) error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return use("/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + filepath.Base(path))
}

// PeerAlive is an error when the other end is closed.
func (c *Conn) PeerAlive() error {
	if c.peek(false) {
		return errors.New("the command that asked for the container is gone")
	}
	return nil
}

// AwaitClose waits until the other end is closed, and is true then. It is false when
// something comes instead, or by the read deadline.
func (c *Conn) AwaitClose() bool { return c.peek(true) }

// peek reports whether the other end is closed; with wait once that, or something
// else, has happened.
func (c *Conn) peek(wait bool) (closed bool) {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return true
	}
	n := 0
	rerr := raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return !wait || !errors.Is(err, unix.EAGAIN)
	})
	if rerr != nil {
		return !errors.Is(rerr, os.ErrDeadlineExceeded)
	}
	return err == nil && n == 0
}

// ConnOf makes a Conn of a socket that came as a descriptor. f is closed.
func ConnOf(f *os.File) (*Conn, error) {
	c, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("use socket: %w", err)
	}
	return &Conn{Conn: c}, nil
}

// SocketPair makes two connected stream sockets, close-on-exec.
func SocketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs"), nil
}
