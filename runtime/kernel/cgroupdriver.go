package kernel

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/systemd"
)

// Where systemd keeps our scopes: system.slice/mvrun-<id>.scope.
const (
	systemdSlice  = "system.slice"
	systemdPrefix = "mvrun"
)

// systemdCgroups tells whether systemd shall make the cgroups. On a unified
// hierarchy it owns the tree; on v1 it minds its own alone.
func (k Kernel) systemdCgroups() bool {
	switch k.store.CgroupDriver {
	case "cgroupfs":
		return false
	case "systemd":
		return true
	}
	return cgroups.IsCgroup2UnifiedMode() && systemd.IsRunningSystemd()
}

// CgroupDriverName is "systemd" or "cgroupfs".
func (k Kernel) CgroupDriverName() string {
	if k.systemdCgroups() {
		return "systemd"
	}
	return "cgroupfs"
}

// CgroupsPath is the container's cgroup as a spec names it.
func (k Kernel) CgroupsPath(id string) string {
	if k.systemdCgroups() {
		return systemdSlice + ":" + systemdPrefix + ":" + id
	}
	return k.store.CgroupParent + "/" + id
}

// Controllers lists the cgroup controllers of this host; "memory.swap" is
// there when the kernel accounts swap.
func Controllers() map[string]bool {
	has := map[string]bool{}
	if cgroups.IsCgroup2UnifiedMode() {
		data, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		for _, name := range strings.Fields(string(data)) {
			has[name] = true
		}
		swap, _ := filepath.Glob("/sys/fs/cgroup/*/memory.swap.max")
		has["memory.swap"] = len(swap) > 0
		return has
	}
	mounts, _ := cgroups.GetCgroupMounts(false)
	for _, m := range mounts {
		for _, name := range m.Subsystems {
			has[name] = true
			if name == "memory" {
				_, err := os.Stat(filepath.Join(m.Mountpoint, "memory.memsw.limit_in_bytes"))
				has["memory.swap"] = err == nil
			}
		}
	}
	return has
}
