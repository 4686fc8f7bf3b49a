package monitor

import (
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
)

// A terminal lives as long as somebody has its master: without one its
// processes get SIGHUP (tty_ioctl(4)), and they block when nobody takes what
// they write. For a process whose command has left, the monitor does both.

// Hold hands the master of a terminal in the container to its monitor.
func Hold(store *runtime.Store, id string, master *os.File) error {
	s, err := Dial(store, id, Request{Op: OpHold})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.conn.sendFile(master); err != nil {
		return err
	}
	// Only when the monitor has it may ours be closed.
	_, err = s.reply()
	return err
}

// hold is the monitor's side of Hold.
func (m *Monitor) hold(c *conn) {
	defer c.Close()
	if c.sendJSON(kindReply, Reply{}) != nil {
		return
	}
	master, err := c.takeFile()
	if err != nil {
		_ = c.sendJSON(kindReply, failure(err))
		return
	}
	go func() {
		defer master.Close()
		_, _ = io.Copy(io.Discard, master) // ends with EIO, when nobody has the terminal open any more
	}()
	_ = c.sendJSON(kindReply, Reply{})
}

var errNoFile = errors.New("receive terminal: no descriptor came")

// sendFile passes a descriptor, with one byte that says nothing, between two
// frames (unix(7), SCM_RIGHTS).
func (c *conn) sendFile(f *os.File) error {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return errNoFile
	}
	raw, err := f.SyscallConn() // Fd would make it blocking
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) {
		_, _, err = u.WriteMsgUnix([]byte{0}, unix.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, cerr)
}

func (c *conn) takeFile() (*os.File, error) {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return nil, errNoFile
	}
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := u.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return nil, err
	}
	return fileOf(control[:n], "terminal")
}
