package kernel

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
)

// LeaveCgroups moves this process, a monitor, out of the cgroups of the command
// that spawned it: a service that stops would take it along, and a session's
// limits are not a container's. What is forked later is born where it is now.
//
// With cgroup v1 it goes to the containers' parent in every hierarchy. With v2
// a cgroup that has children with controllers can't have processes (cgroups(7),
// "no internal processes"), so monitors have one beside it. Neither is made by
// systemd, which leaves alone what it has not made, and neither is removed:
// another monitor may be about to join.
func (k Kernel) LeaveCgroups() error {
	if cgroups.IsCgroup2UnifiedMode() {
		dir := filepath.Join(cgroupRoot, k.store.CgroupParent+"-monitors")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		return cgroups.WriteCgroupProc(dir, os.Getpid())
	}
	// Of a hybrid host this takes the v2 hierarchy too, where systemd looks for
	// the processes of its services.
	m, err := manager.New(&cgroups.Cgroup{Path: k.store.CgroupParent, Resources: &cgroups.Resources{}})
	if err != nil {
		return err
	}
	return m.Apply(os.Getpid())
}
