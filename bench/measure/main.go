// Command measure runs a shell line and prints what it cost: seconds of wall
// time, seconds of processor time, and the peak resident memory of its biggest
// process in MB. The work of a daemon counts with the client's, if its process
// id is given.
//
//	measure [-daemon PID] LINE
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	pid := flag.Int("daemon", 0, "process that does the work for the command")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: measure [-daemon PID] LINE")
		os.Exit(2)
	}
	if err := measure(flag.Arg(0), *pid); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(line string, daemon int) error {
	before, err := start(daemon)
	if err != nil {
		return err
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", line)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	wall := time.Since(began)
	var used syscall.Rusage // the biggest of all descendants that were waited for
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		return err
	}
	cpu := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	peak := used.Maxrss // KiB, getrusage(2)
	if daemon != 0 {
		after, err := processorTime(daemon)
		if err != nil {
			return err
		}
		high, err := highWater(daemon)
		if err != nil {
			return err
		}
		cpu, peak = cpu+after-before, max(peak, high)
	}
	fmt.Printf("%.2f %.2f %.1f\n", wall.Seconds(), cpu.Seconds(), float64(peak)/(1<<10))
	return nil
}

// start sets the daemon's high-water mark back and returns its processor time.
func start(daemon int) (time.Duration, error) {
	if daemon == 0 {
		return 0, nil
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", daemon), []byte("5"), 0); err != nil { // proc(5)
		return 0, err
	}
	return processorTime(daemon)
}

// processorTime is that of the process and of its children that have ended, from
// proc(5)'s stat, in ticks of 10 ms.
func processorTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	var ticks int64
	for _, f := range strings.Fields(rest)[11:15] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

func highWater(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, fmt.Errorf("process %d has no VmHWM", pid)
	}
	return strconv.ParseInt(fields[0], 10, 64)
}
