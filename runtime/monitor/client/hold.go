package client

import (
	"os"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// Hold hands the master of a terminal in the container to its monitor, which keeps
// it open and reads it empty.
func Hold(store *container.Store, id string, master *os.File) error {
	s, err := Dial(store, id, protocol.Request{Op: protocol.OpHold})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.conn.SendFiles(master); err != nil {
		return err
	}
	// Only when the monitor has it may ours be closed.
	_, err = s.reply()
	return err
}
