package kernel

import (
	"math"
	"testing"
	"time"

	"github.com/opencontainers/cgroups"
)

func TestUsage(t *testing.T) {
	at := time.Unix(100, 0)
	stats := func(limit uint64, memory map[string]uint64) *cgroups.Stats {
		s := cgroups.NewStats()
		s.CpuStats.CpuUsage.TotalUsage = 3e9
		s.MemoryStats.Usage.Usage, s.MemoryStats.Usage.Limit, s.MemoryStats.Stats = 1000, limit, memory
		s.PidsStats.Current = 4
		s.BlkioStats.IoServiceBytesRecursive = []cgroups.BlkioStatEntry{
			{Op: "Read", Value: 10}, {Op: "Write", Value: 20}, {Op: "read", Value: 1}, {Op: "write", Value: 2}, {Op: "Total", Value: 33},
		}
		return s
	}
	want := Usage{At: at, CPU: 3 * time.Second, Memory: 900, MemoryLimit: 5000, Read: 11, Write: 22, Pids: 4}
	for name, s := range map[string]*cgroups.Stats{
		"v1, no limit": stats(math.MaxInt64, map[string]uint64{"inactive_file": 7, "total_inactive_file": 100}),
		"v2":           stats(5000, map[string]uint64{"inactive_file": 100}),
	} {
		if got := usageOf(s, at, 5000); got != want {
			t.Errorf("%s: %+v, %+v is wanted", name, got, want)
		}
	}
	// The cache is counted a moment later than the whole.
	if got := usageOf(stats(1, map[string]uint64{"inactive_file": 1001}), at, 5000); got.Memory != 0 {
		t.Errorf("more cache than memory: %+v", got)
	}
}

func TestCPUShare(t *testing.T) {
	at := time.Unix(100, 0)
	before := Usage{At: at, CPU: 3 * time.Second}
	for _, test := range []struct {
		now  Usage
		want float64
	}{
		{Usage{At: at.Add(2 * time.Second), CPU: 4 * time.Second}, 0.5},
		{Usage{At: at.Add(time.Second), CPU: 5 * time.Second}, 2},
		{Usage{At: at.Add(time.Second), CPU: time.Second}, 0}, // started anew
		{before, 0},
		{Usage{}, 0}, // ended
	} {
		if got := test.now.CPUShare(before); got != test.want {
			t.Errorf("%+v: %v, %v is wanted", test.now, got, test.want)
		}
	}
}
