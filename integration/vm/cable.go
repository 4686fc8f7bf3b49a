package vm

import (
	"fmt"
	"path/filepath"
)

// Cable joins two NICs: a pair of datagram sockets, a frame each. Which machine
// starts first, or starts again, makes no difference to it.
type Cable struct{ path string }

// NewCable makes a cable whose sockets are in dir, a short path: Unix has room
// for 107 bytes.
func NewCable(dir, name string) *Cable { return &Cable{filepath.Join(dir, name)} }

// End is one of the cable's two, 0 or 1.
func (c *Cable) End(n int) End { return End{c, n} }

// End is where a NIC is plugged in.
type End struct {
	cable *Cable
	n     int
}

func (e End) socket(n int) string { return fmt.Sprintf("%s.%d", e.cable.path, n) }

// netdev is qemu's back end for it.
func (e End) netdev(id string) string {
	return fmt.Sprintf("dgram,id=%s,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s",
		id, e.socket(e.n), e.socket(1-e.n))
}
