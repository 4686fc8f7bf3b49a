package trunk

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Space is a network namespace of the machine, with the path that leads to it.
type Space struct {
	Path  string
	Inode uint64 // which identifies it (namespaces(7))
	Owner string // a name, or a process
}

// where named namespaces are bound, by `ip netns` and by Docker.
var namedNamespaces = []string{"/run/netns", "/run/docker/netns"}

// Spaces finds the network namespaces of the machine but one: those that have a
// name, then those that have a process. One that is held by a descriptor alone
// does not show.
func Spaces(but uint64) (found []Space) {
	seen := map[uint64]bool{but: true}
	add := func(path, owner string) {
		inode, err := SpaceInode(path)
		if err != nil || seen[inode] {
			return
		}
		seen[inode] = true
		found = append(found, Space{path, inode, owner})
	}
	for _, dir := range namedNamespaces {
		Entries, _ := os.ReadDir(dir)
		for _, e := range Entries {
			add(filepath.Join(dir, e.Name()), "network namespace "+e.Name())
		}
	}
	Entries, _ := os.ReadDir("/proc")
	for _, e := range Entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			add(ProcessSpace(e.Name()), "process "+e.Name())
		}
	}
	for i, s := range found {
		if pid, ok := strings.CutPrefix(s.Owner, "process "); ok {
			comm, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
			found[i].Owner = fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(comm)), pid)
		}
	}
	return found
}

// ProcessSpace is the path of a process's network namespace.
func ProcessSpace(pid string) string { return filepath.Join("/proc", pid, "ns/net") }

// SpaceInode is the inode of the namespace that the path leads to.
func SpaceInode(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Ino, nil
}
