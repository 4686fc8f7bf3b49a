package monitor

import (
	"fmt"
	"os"
)

// tellNeighbours makes the container and the others on its networks known to
// each other. That one name is missing keeps no container from running.
func (m *Monitor) tellNeighbours(l *life) {
	if err := m.store.TellNeighbours(&m.config, l.attachments()); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
}

func (m *Monitor) leaveNeighbours() {
	if err := m.store.LeaveNeighbours(m.config.ID); err != nil {
		fmt.Fprintln(os.Stderr, "mvrun monitor:", err)
	}
}
