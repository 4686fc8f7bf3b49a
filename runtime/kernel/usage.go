package kernel

import (
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"golang.org/x/sys/unix"
)

// Usage is what a running container uses, by its cgroup. What the host has no
// controller for is zero.
type Usage struct {
	At          time.Time
	CPU         time.Duration // since the start, of all processors together
	Memory      uint64        // bytes, without the page cache that could be dropped, as Docker counts
	MemoryLimit uint64        // bytes; what the machine has if there is none
	Read, Write uint64        // bytes from and to block devices
	Pids        uint64        // processes and threads
}

// Usage reads the counters of a running container.
func (k Kernel) Usage(id string) (Usage, error) {
	m, err := manager.New(k.cgroup(id))
	if err != nil {
		return Usage{}, fmt.Errorf("read usage: %w", err)
	}
	stats, err := m.GetStats()
	if err != nil {
		return Usage{}, fmt.Errorf("read usage: %w", err)
	}
	return usageOf(stats, time.Now(), MachineMemory()), nil
}

func usageOf(stats *cgroups.Stats, at time.Time, machine uint64) Usage {
	memory := stats.MemoryStats
	u := Usage{
		At:          at,
		CPU:         time.Duration(stats.CpuStats.CpuUsage.TotalUsage),
		Memory:      memory.Usage.Usage,
		MemoryLimit: memory.Usage.Limit,
		Pids:        stats.PidsStats.Current,
	}
	// total_: of the whole tree in cgroup v1; v2 counts no other way.
	cache, ok := memory.Stats["total_inactive_file"]
	if !ok {
		cache = memory.Stats["inactive_file"]
	}
	u.Memory -= min(cache, u.Memory)
	u.MemoryLimit = min(u.MemoryLimit, machine) // the kernel's "no limit" is more than there is
	for _, entry := range stats.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(entry.Op) {
		case "read":
			u.Read += entry.Value
		case "write":
			u.Write += entry.Value
		}
	}
	return u
}

// MachineMemory is how many bytes of memory this machine has.
func MachineMemory() uint64 {
	var s unix.Sysinfo_t
	if err := unix.Sysinfo(&s); err != nil {
		return 0
	}
	return s.Totalram * uint64(s.Unit)
}

// CPUShare is the part of one processor that was used between two looks: 2 for
// two that were busy all the time.
func (u Usage) CPUShare(since Usage) float64 {
	wall := u.At.Sub(since.At)
	if wall <= 0 || u.CPU < since.CPU { // another life of the container
		return 0
	}
	return float64(u.CPU-since.CPU) / float64(wall)
}
