// Package trunk makes the VLAN sub-interfaces of trunk NICs, by the kernel's own
// 802.1Q or by eBPF, and keeps a ledger of who uses them, so that each goes with
// its last user. It also has what is common to all that speak to the kernel about
// links: the handle for rtnetlink, and network namespaces.
package trunk

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mvrun/mvrun/internal/jsonfile"
)

// Trunk is the record of one state directory's sub-interfaces. Its methods work
// on the network namespace of the calling thread.
type Trunk struct {
	Dir string // <state>/links
	// Running says whether a container's monitor lives. Uses of links by others
	// are stale. nil: all run.
	Running func(containerID string) bool
}

func (t Trunk) running(id string) bool { return t.Running == nil || t.Running(id) }

// Ledger is the trunk's directory, for a look without the lock.
func (t Trunk) Ledger() Ledger { return Ledger{t.Dir} }

// Locked is a trunk whose ledger nobody else can change meanwhile.
type Locked struct {
	Handle Handle
	Ledger Ledger
	trunk  Trunk
	unlock func()
}

// Lock waits for the ledger. Unlock must follow.
func (t Trunk) Lock() (*Locked, error) {
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make links directory: %w", err)
	}
	unlock, err := jsonfile.Lock(filepath.Join(t.Dir, ".lock"))
	if err != nil {
		return nil, err
	}
	h, err := Open()
	if err != nil {
		unlock()
		return nil, err
	}
	return &Locked{h, t.Ledger(), t, unlock}, nil
}

// Unlock lets others at the ledger.
func (l *Locked) Unlock() {
	l.Handle.Close()
	l.unlock()
}

// Stays tells whether a use of a link goes on: its container runs, and gone does
// not name it.
func (l *Locked) Stays(u User, gone func(User) bool) bool {
	return l.trunk.running(u.Container) && !gone(u)
}
