package monitor

import (
	"errors"
	"net"
	"os"
	goruntime "runtime"

	"golang.org/x/sys/unix"
)

// maxFiles bounds what one message brings: the kernel's own bound (SCM_MAX_FD).
const maxFiles = 253

var errNoFile = errors.New("receive descriptor: none came")

// sendFiles passes descriptors, with one byte that says nothing, between two
// frames (unix(7), SCM_RIGHTS).
func (c *conn) sendFiles(files ...*os.File) error {
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
		goruntime.KeepAlive(f)
	}
	return err
}

// takeFiles receives what sendFiles sends.
func (c *conn) takeFiles() ([]*os.File, error) {
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

// filesOf makes files of the descriptors in a control message. They are
// non-blocking, so that a close ends a read of one.
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
