package main

import (
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"strings"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime/container"
)

// minMemory is the least a container starts with.
const minMemory = 6 << 20 // bytes

func readLimits(c *cli.Context, w *wish) (err error) {
	r := &w.config.Resources
	if r.Memory, err = bytesFlag(c, "memory"); err != nil {
		return err
	}
	if r.Memory != 0 && r.Memory < minMemory {
		return fmt.Errorf("--memory %s: minimum memory limit allowed is 6MB", c.String("memory"))
	}
	if r.MemoryReservation, err = bytesFlag(c, "memory-reservation"); err != nil {
		return err
	}
	if c.String("memory-swap") == "-1" {
		r.MemorySwap = -1
	} else if r.MemorySwap, err = bytesFlag(c, "memory-swap"); err != nil {
		return err
	}
	switch {
	case r.MemorySwap > 0 && r.Memory == 0:
		return errors.New("--memory-swap: you should always set the memory limit when using a memory swap limit")
	case r.MemoryReservation > 0 && r.Memory > 0 && r.MemoryReservation > r.Memory:
		return errors.New("--memory-reservation: minimum memory limit can not be less than memory reservation limit")
	case r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return errors.New("--memory-swap is memory and swap together: it should be larger than --memory")
	}
	if w.config.ShmSize, err = bytesFlag(c, "shm-size"); err != nil {
		return err
	}
	if r.NanoCPUs, err = nanoCPUs(c.String("cpus")); err != nil {
		return err
	}
	r.CPUPeriod, r.CPUQuota = c.Uint64("cpu-period"), c.Int64("cpu-quota")
	if err := checkCPUTime(r); err != nil {
		return err
	}
	r.CPUShares, r.CPUSetCPUs, r.CPUSetMems = c.Uint64("cpu-shares"), c.String("cpuset-cpus"), c.String("cpuset-mems")
	r.PidsLimit, r.OOMScoreAdj = c.Int64("pids-limit"), c.Int("oom-score-adj")
	if r.OOMScoreAdj < -1000 || r.OOMScoreAdj > 1000 {
		return fmt.Errorf("--oom-score-adj %d: range is -1000 to 1000", r.OOMScoreAdj)
	}
	for _, u := range c.StringSlice("ulimit") {
		parsed, err := units.ParseUlimit(u)
		if err != nil {
			return fmt.Errorf("--ulimit %s: %w", u, err)
		}
		r.Ulimits = append(r.Ulimits, container.Ulimit{Name: parsed.Name, Soft: parsed.Soft, Hard: parsed.Hard})
	}
	r.Sysctls = map[string]string{}
	for _, s := range c.StringSlice("sysctl") {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return fmt.Errorf("--sysctl %s: use NAME=VALUE", s)
		}
		r.Sysctls[key] = value
	}
	return nil
}

// checkCPUTime says what the kernel would refuse (CFS bandwidth control takes
// periods from 1 ms to 1 s), and what contradicts itself.
func checkCPUTime(r *container.Resources) error {
	switch {
	case r.NanoCPUs != 0 && r.CPUPeriod != 0:
		return errors.New("conflicting options: --cpus and --cpu-period cannot both be set")
	case r.NanoCPUs != 0 && r.CPUQuota != 0:
		return errors.New("conflicting options: --cpus and --cpu-quota cannot both be set")
	case r.CPUPeriod != 0 && (r.CPUPeriod < 1000 || r.CPUPeriod > 1_000_000):
		return fmt.Errorf("--cpu-period %d: range is 1000 to 1000000 microseconds", r.CPUPeriod)
	case r.CPUQuota > 0 && r.CPUQuota < 1000:
		return fmt.Errorf("--cpu-quota %d: at least 1000 microseconds", r.CPUQuota)
	}
	return nil
}

func bytesFlag(c *cli.Context, name string) (int64, error) {
	s := c.String(name)
	if s == "" {
		return 0, nil
	}
	n, err := units.RAMInBytes(s)
	if err != nil {
		return 0, fmt.Errorf("--%s %s: invalid size: %w", name, s, err)
	}
	return n, nil
}

// nanoCPUs reads --cpus, a decimal number, exactly.
func nanoCPUs(s string) (int64, error) {
	if s == "" || s == "0" {
		return 0, nil
	}
	cpus, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("--cpus %s: not a number", s)
	}
	nano := cpus.Mul(cpus, big.NewRat(1e9, 1))
	if !nano.IsInt() {
		return 0, fmt.Errorf("--cpus %s: value is too precise", s)
	}
	have := int64(runtime.NumCPU())
	if !nano.Num().IsInt64() || nano.Num().Int64() > have*1e9 || nano.Num().Int64() < 1e7 {
		return 0, fmt.Errorf("--cpus %s: range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", s, have, have)
	}
	return nano.Num().Int64(), nil
}
