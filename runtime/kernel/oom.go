package kernel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// oomWatch tells at a container's end whether the kernel had killed a process
// of it for want of memory (cgroup v2). The count is in the cgroup, and systemd
// removes that as soon as no process is in it, which may be before we hear of
// the end. Then the kernel's log is the witness.
type oomWatch struct {
	cgroup string   // last element of its path
	events *os.File // memory.events
	log    *os.File // /dev/kmsg from the container's start on; nil without systemd, or where we may not read it
}

// watchOOM begins to watch the cgroup at this path. It returns nil where no
// controller counts memory. Kills closes it.
func watchOOM(path string, systemd bool) *oomWatch {
	events, err := os.Open(filepath.Join(path, "memory.events"))
	if err != nil {
		return nil
	}
	w := &oomWatch{cgroup: filepath.Base(path), events: events}
	if !systemd {
		return w
	}
	if w.log, err = os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
		_, _ = w.log.Seek(0, io.SeekEnd)
	}
	return w
}

// kills counts the processes that were killed; pid is the container's first
// one, which has ended.
func (w *oomWatch) kills(pid int) uint64 {
	defer w.events.Close()
	if w.log != nil {
		defer w.log.Close()
	}
	text, err := io.ReadAll(w.events)
	if errors.Is(err, unix.ENODEV) && w.log != nil {
		return w.killsInLog(pid)
	}
	return oomKills(string(text))
}

// oomKills reads the count from the text of a memory.events file.
func oomKills(text string) (n uint64) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ = strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		}
	}
	return n
}

// killsInLog reads the records since the start: one with each read(2), EPIPE
// for those that were overwritten, EAGAIN after the last (kernel's
// Documentation/ABI/testing/dev-kmsg).
func (w *oomWatch) killsInLog(pid int) (n uint64) {
	raw, err := w.log.SyscallConn()
	if err != nil {
		return 0
	}
	record := make([]byte, 8192) // the kernel's own limit
	_ = raw.Control(func(fd uintptr) {
		for {
			size, err := unix.Read(int(fd), record)
			switch {
			case err == unix.EPIPE || err == unix.EINTR:
			case err != nil || size == 0:
				return
			case isOOMKill(string(record[:size]), w.cgroup, pid):
				n++
			}
		}
	})
	return n
}

// isOOMKill tells whether the record is about a process of the cgroup, or about
// this process. The kernel writes one line that names the cgroup (but not of
// too many kills in a short time) and one that names the process.
func isOOMKill(record, cgroup string, pid int) bool {
	if _, rest, ok := strings.Cut(record, ";oom-kill:"); ok {
		_, rest, ok = strings.Cut(rest, ",task_memcg=")
		path, _, _ := strings.Cut(rest, ",")
		return ok && strings.Contains(path+"/", "/"+cgroup+"/")
	}
	return strings.Contains(record, fmt.Sprintf("ut of memory: Killed process %d (", pid))
}
