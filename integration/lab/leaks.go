package lab

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// leakPatience is how long the kernel and a dying monitor get: network
// namespaces and cgroups go asynchronously.
const leakPatience = 10 * time.Second // on a good machine

// leaksAfter is what is still left over when the time is up, or nothing as
// soon as nothing is.
func (h *Host) leaksAfter(wait time.Duration) []string {
	deadline := time.Now().Add(Within(wait))
	for {
		leaks := h.Leaks()
		if len(leaks) == 0 || time.Now().After(deadline) {
			return leaks
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Leaks names everything of this host that outlives its containers. It looks
// only at what carries the host's own marks, since other tests run beside it.
func (h *Host) Leaks() []string {
	var leaks []string
	if now := h.Netns.Snapshot(); h.before != "" && now != h.before {
		leaks = append(leaks, "in the network namespace:\n"+diffLines(h.before, now))
	}
	for _, p := range h.processes() {
		leaks = append(leaks, p.String())
	}
	for _, m := range h.mounts() {
		leaks = append(leaks, "mount "+m)
	}
	for _, c := range h.cgroups() {
		leaks = append(leaks, "cgroup "+c)
	}
	return append(leaks, h.files()...)
}

// process is one of the host's, or one that holds something of it.
type process struct {
	pid  int
	mark string
	what string
}

func (p process) String() string {
	return fmt.Sprintf("process %d (by its %s): %s", p.pid, p.mark, p.what)
}

// labMount marks the file systems that a test itself mounts for its host.
const labMount = "lab-mount"

// processes finds what runs in the host's cgroups or names its directories in
// environment or command line: containers, monitors, commands. Whoever holds
// one of its network namespaces or mounts is among them.
func (h *Host) processes() []process {
	var found []process
	for _, pid := range pids() {
		if pid == os.Getpid() {
			continue
		}
		for _, mark := range []string{"cgroup", "environ", "cmdline"} {
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, mark))
			if err != nil || !bytes.Contains(data, []byte(h.CgroupParent)) && !bytes.Contains(data, []byte(h.dir)) {
				continue
			}
			cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			found = append(found, process{pid, mark, strings.ReplaceAll(string(cmdline), "\x00", " ")})
			break
		}
	}
	return found
}

func pids() []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// mounts lists what is mounted below, or from, the host's directories in any
// mount namespace of the machine, with the process that shows it.
func (h *Host) mounts() []string {
	seen := map[string]bool{}
	var found []string
	for _, pid := range pids() {
		ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
		if err != nil || seen[ns] {
			continue
		}
		seen[ns] = true
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
		for line := range strings.Lines(string(data)) {
			// A file system that the test itself mounted is marked by the lab.
			if strings.Contains(line, h.dir) && !strings.Contains(line, labMount) {
				found = append(found, fmt.Sprintf("seen by %d: %s", pid, strings.TrimSpace(line)))
			}
		}
	}
	return found
}

// cgroups lists the directories below the host's parent in every hierarchy.
func (h *Host) cgroups() []string {
	var found []string
	for _, parent := range h.cgroupParents() {
		filepath.WalkDir(parent, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && path != parent {
				found = append(found, path)
			}
			return nil
		})
	}
	return found
}

// cgroupParents are what stays of cgroups when nothing runs: that of the
// containers, and with cgroup v2 that of the monitors beside it.
func (h *Host) cgroupParents() (found []string) {
	for _, pattern := range []string{"/sys/fs/cgroup/*" + h.CgroupParent, "/sys/fs/cgroup" + h.CgroupParent, "/sys/fs/cgroup" + h.CgroupParent + "-monitors"} {
		dirs, _ := filepath.Glob(pattern)
		found = append(found, dirs...)
	}
	return found
}

// files lists what stays in the root and state directories although there is
// no container and no network any more. Images, unpacked layers, volumes
// and the init program may stay, and lock files, which are empty.
func (h *Host) files() []string {
	var found []string
	keep := []string{"images", "layers", "volumes", "init"}
	for _, top := range []string{h.Root, h.State} {
		filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if d.IsDir() {
				if top == h.Root && filepath.Dir(path) == top && slices.Contains(keep, d.Name()) {
					return fs.SkipDir
				}
				return nil
			}
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() && info.Size() == 0 && strings.Contains(d.Name(), "lock") {
				return nil
			}
			if filepath.Dir(path) == h.Root && slices.Contains(hostRecords, d.Name()) {
				return nil
			}
			found = append(found, "file "+path)
			return nil
		})
	}
	return found
}

// hostRecords belong to the host itself, not to a container: once made, they stay.
var hostRecords = []string{"host-id", "events.log", "events.log.1"}

// force ends and removes what is left over: only what carries the host's marks.
func (h *Host) force() {
	h.endProcesses()
	h.removeCgroups()
	if h.unmount != nil {
		h.unmount()
	}
	if err := os.RemoveAll(h.dir); err != nil {
		h.t.Errorf("remove the host's files: %v", err)
	}
}

func (h *Host) endProcesses() {
	var killed []process
	for deadline := time.Now().Add(Within(5 * time.Second)); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		found := h.processes() // each time: one may have forked while we looked
		for _, p := range found {
			syscall.Kill(p.pid, syscall.SIGKILL)
		}
		killed = append(killed, found...)
		if len(found) == 0 && !slices.ContainsFunc(killed, func(p process) bool { return runs(p.pid) }) {
			return
		}
	}
}

// runs tells whether a thread of the process is still there: until the last
// one has left the kernel, from an fsync on a busy disk say, its files are open
// and locked, though the process itself is a zombie already.
func runs(pid int) bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return slices.ContainsFunc(stats, func(path string) bool {
		data, err := os.ReadFile(path)
		_, state, _ := strings.Cut(string(data), ") ")
		return err == nil && !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
	})
}

func (h *Host) removeCgroups() {
	for _, c := range slices.Backward(h.cgroups()) {
		os.Remove(c)
	}
	for _, c := range h.cgroupParents() {
		os.Remove(c)
	}
}

func diffLines(before, after string) string {
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	var b strings.Builder
	for _, l := range old {
		if !slices.Contains(now, l) {
			fmt.Fprintf(&b, "  gone: %s\n", l)
		}
	}
	for _, l := range now {
		if !slices.Contains(old, l) {
			fmt.Fprintf(&b, "  new:  %s\n", l)
		}
	}
	return b.String()
}

// NothingLeft fails the test if, after a moment, there is still something.
func (h *Host) NothingLeft(when string) {
	h.t.Helper()
	for _, leak := range h.leaksAfter(leakPatience) {
		h.t.Errorf("%s, left over: %s", when, leak)
	}
}

// KillEverything is a power cut for what runs on the host: each process of it
// ends by SIGKILL. Files and links stay, as they do when a program dies.
func (h *Host) KillEverything() { h.endProcesses() }
