package monitor

import (
	"io"

	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// hold keeps a terminal for a process whose command has left. A terminal lives as
// long as somebody has its master: without one its processes get SIGHUP
// (tty_ioctl(4)), and they block when nobody reads what they write.
func (m *Monitor) hold(c *protocol.Conn) {
	defer c.Close()
	if c.SendJSON(protocol.KindReply, protocol.Reply{}) != nil {
		return
	}
	files, err := c.ReceiveFiles()
	if err != nil {
		_ = c.SendJSON(protocol.KindReply, failure(err))
		return
	}
	master := files[0]
	go func() {
		defer master.Close()
		_, _ = io.Copy(io.Discard, master) // ends with EIO, when nobody has the terminal open any more
	}()
	_ = c.SendJSON(protocol.KindReply, protocol.Reply{})
}
