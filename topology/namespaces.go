package topology

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
)

// child is an interface that sits on one of the host's, wherever it is.
type child struct {
	Interface
	inode uint64 // of the network namespace that it is in
	owner string
}

// where named namespaces are bound, by `ip netns` and by Docker.
var namedNamespaces = []string{"/run/netns", "/run/docker/netns"}

// space is a network namespace with the path that leads to it.
type space struct {
	path  string
	inode uint64
	owner string
}

// spaces finds the network namespaces of the machine: those that have a name,
// then those that have a process. One that is held by a descriptor alone does
// not show. The caller's own is left out.
func spaces(own uint64) (found []space) {
	seen := map[uint64]bool{own: true}
	add := func(path, owner string) {
		inode, err := inodeOf(path)
		if err != nil || seen[inode] {
			return
		}
		seen[inode] = true
		found = append(found, space{path, inode, owner})
	}
	for _, dir := range namedNamespaces {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			add(filepath.Join(dir, e.Name()), "network namespace "+e.Name())
		}
	}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			add(processSpace(e.Name()), "process "+e.Name())
		}
	}
	for i, s := range found {
		if pid, ok := strings.CutPrefix(s.owner, "process "); ok {
			comm, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
			found[i].owner = fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(comm)), pid)
		}
	}
	return found
}

func processSpace(pid string) string { return filepath.Join("/proc", pid, "ns/net") }

// inodeOf identifies a namespace (namespaces(7)).
func inodeOf(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Ino, nil
}

// childrenIn lists the interfaces of another namespace that sit on links of
// ours, which own is a descriptor of.
func childrenIn(s space, own *os.File) ([]child, error) {
	ns, err := network.OpenNamespace(s.path)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	h, err := ns.Handle()
	if err != nil {
		return nil, err
	}
	all, err := links(h)
	if err != nil {
		return nil, err
	}
	// An index means nothing without its namespace, which the kernel names by a
	// number that each namespace has for each other one (RTM_GETNSID).
	us, err := h.GetNetNsIdByFd(int(own.Fd()))
	if err != nil || us < 0 {
		return nil, nil // it knows us not: nothing of it sits on ours
	}
	addrs := addresses(h)
	var found []child
	for _, link := range all {
		if isChild(link) && link.Attrs().NetNsID == us {
			found = append(found, child{interfaceOf(link, addrs), s.inode, s.owner})
		}
	}
	return found, nil
}
