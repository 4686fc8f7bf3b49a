package container

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/internal/boot"
)

// Process names one process for good: pids are used again, and all of them
// start anew at boot.
type Process struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot, proc_pid_stat(5) field 22
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
}

// Identify returns the identity of the process that has the pid now.
func Identify(pid int) (Process, error) {
	start, _, err := procStat(pid)
	if err != nil {
		return Process{}, err
	}
	return Process{Pid: pid, Start: start, Boot: boot.ID()}, nil
}

// Alive tells whether the process runs. A zombie does not.
func (p Process) Alive() bool {
	if p.Pid <= 0 || p.Boot != boot.ID() {
		return false
	}
	start, state, err := procStat(p.Pid)
	return err == nil && start == p.Start && state != 'Z' && state != 'X'
}

// procStat reads a process's start time and state. The command name before
// them may hold spaces and parentheses, so the count begins behind the last
// one.
func procStat(pid int) (start uint64, state byte, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, err
	}
	_, rest, ok := strings.Cut(string(data[strings.LastIndexByte(string(data), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, 0, fmt.Errorf("read /proc/%d/stat: unexpected form", pid)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return start, fields[0][0], err
}
