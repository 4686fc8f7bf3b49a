package oci

import (
	"fmt"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// cpuPeriod is the scheduling period in microseconds that a limit of CPUs is a
// share of; the kernel's default.
const cpuPeriod = 100_000

// resources turns the limits into cgroup settings. A limit whose controller
// the host lacks is left out with a warning: refusing to run would help nobody.
func resources(r container.Resources, h Host) (*specs.LinuxResources, []string) {
	out := &specs.LinuxResources{Devices: h.DeviceRules}
	var warnings []string
	want := func(controller string, asked bool, limit string) bool {
		if asked && !h.Controllers[controller] {
			warnings = append(warnings, fmt.Sprintf("%s is not kept: this host has no %s cgroup controller", limit, controller))
		}
		return asked && h.Controllers[controller]
	}
	if want("memory", r.Memory != 0 || r.MemoryReservation != 0, "the memory limit") {
		out.Memory = memory(r, h, &warnings)
	}
	cpus := want("cpu", r.NanoCPUs != 0, "the CPU limit")
	quota := want("cpu", r.CPUPeriod != 0 || r.CPUQuota != 0, "the CPU quota")
	shares := want("cpu", r.CPUShares != 0, "the weight of CPU shares")
	set := want("cpuset", r.CPUSetCPUs != "" || r.CPUSetMems != "", "the choice of CPUs")
	if cpus || quota || shares || set {
		out.CPU = &specs.LinuxCPU{}
	}
	if quota && r.CPUPeriod != 0 {
		out.CPU.Period = &r.CPUPeriod
	}
	if quota && r.CPUQuota != 0 {
		out.CPU.Quota = &r.CPUQuota
	}
	if cpus {
		period, limit := uint64(cpuPeriod), r.NanoCPUs*cpuPeriod/1e9
		out.CPU.Period, out.CPU.Quota = &period, &limit
	}
	if shares {
		out.CPU.Shares = &r.CPUShares
	}
	if set {
		out.CPU.Cpus, out.CPU.Mems = r.CPUSetCPUs, r.CPUSetMems
	}
	if want("pids", r.PidsLimit != 0, "the limit of processes") {
		limit := r.PidsLimit
		out.Pids = &specs.LinuxPids{Limit: &limit}
	}
	return out, warnings
}

func memory(r container.Resources, h Host, warnings *[]string) *specs.LinuxMemory {
	m := &specs.LinuxMemory{}
	if r.Memory != 0 {
		m.Limit = &r.Memory
	}
	if r.MemoryReservation != 0 {
		m.Reservation = &r.MemoryReservation
	}
	swap := r.MemorySwap
	if swap == 0 {
		swap = 2 * r.Memory
	}
	switch {
	case swap == 0:
	case h.Controllers["memory.swap"]:
		m.Swap = &swap
	case r.MemorySwap > 0:
		*warnings = append(*warnings, "the swap limit is not kept: this kernel does not account swap")
	}
	return m
}
