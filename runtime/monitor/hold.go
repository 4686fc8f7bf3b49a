package monitor

import (
	"io"
	"os"

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
	if err := s.conn.sendFiles(master); err != nil {
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
	files, err := c.takeFiles()
	if err != nil {
		_ = c.sendJSON(kindReply, failure(err))
		return
	}
	master := files[0]
	go func() {
		defer master.Close()
		_, _ = io.Copy(io.Discard, master) // ends with EIO, when nobody has the terminal open any more
	}()
	_ = c.sendJSON(kindReply, Reply{})
}
