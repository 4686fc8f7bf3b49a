package monitor

import (
	"github.com/mvrun/mvrun/network/prestart"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// takeNamespace receives the network namespace that the command has made: ready gets
// it, if one comes, and is closed.
func (m *Monitor) takeNamespace(c *protocol.Conn) {
	defer close(m.ready)
	var record *prestart.Record
	if err := c.ReceiveJSON(protocol.KindNetwork, &record); err != nil || record == nil {
		return
	}
	files, err := c.ReceiveFiles()
	if err != nil {
		return
	}
	if start, err := prestart.Receive(*record, files); err == nil {
		m.ready <- start
	}
}
