package protocol

import (
	"errors"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// maxFiles bounds what one message brings: the kernel's own bound (SCM_MAX_FD).
const maxFiles = 253

var errNoFile = errors.New("receive descriptor: none came")

// SendFiles passes descriptors with one byte that means nothing, between two
// frames (unix(7), SCM_RIGHTS).
func (c *Conn) SendFiles(files ...*os.File) error {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return errNoFile
	}
	fds := make([]int, len(files))
	for i, f := range files {
		raw, err := f.SyscallConn() // Fd would make it blocking
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds[i] = int(fd) })
		}
		if err != nil {
			return err
		}
	}
	_, _, err := u.WriteMsgUnix([]byte{0}, unix.UnixRights(fds...), nil)
	for _, f := range files {
		runtime.KeepAlive(f)
	}
	return err
}

// ReceiveFiles receives what SendFiles sends. The files are non-blocking, so that
// a close ends a read.
func (c *Conn) ReceiveFiles() ([]*os.File, error) {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return nil, errNoFile
	}
	control := make([]byte, unix.CmsgSpace(4*maxFiles))
	_, n, _, _, err := u.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return nil, err
	}
	return filesOf(control[:n])
}

// ReceiveFile takes one descriptor off a unix socket that is no Conn, such as the
// one over which a container's terminal comes. It is non-blocking.
func ReceiveFile(socket *os.File) (*os.File, error) {
	name := make([]byte, 4096)
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), name, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	files, err := filesOf(control[:n])
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// filesOf makes files of the descriptors in a control message.
func filesOf(control []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) == 0 {
		return nil, errors.Join(errNoFile, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	files := make([]*os.File, len(fds))
	for i, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, err
		}
		files[i] = os.NewFile(uintptr(fd), "received")
	}
	return files, nil
}
