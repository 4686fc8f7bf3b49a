package lab

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Trunk is the name of the trunk NIC on every host of the lab.
const Trunk = "enp0s9"

// Host is a machine with mvrun on it: a network namespace, a root and a state
// directory and a cgroup parent of its own, so that hosts neither see nor
// disturb each other, nor the machine.
type Host struct {
	*Netns
	Root, State  string
	CgroupParent string
	// Env is what the commands of the host get besides PATH and the like.
	Env []string

	t      testing.TB
	dir    string
	before string // the namespace as it was when the test began

	unmount func() // the root's own file system, if it has one
}

// NewHost makes a host without a cable. At the end of the test its containers
// and networks are removed by mvrun, and then anything left over fails the test.
func NewHost(t testing.TB) *Host {
	t.Helper()
	return newHostOn(t, NewNetns(t))
}

// OneHost is a host whose trunk ends in a bare namespace, the wire: a place to
// capture frames and to play another machine.
func OneHost(t testing.TB) (h *Host, wire *Netns) {
	t.Helper()
	// Both ends of the cable come before the host, so that both are still there
	// when it is torn down: cleanups run last in, first out.
	n, wire := NewNetns(t), NewNetns(t)
	Cable(t, n, Trunk, wire, Trunk)
	return newHostOn(t, n), wire
}

// TwoHosts are joined by one trunk cable.
func TwoHosts(t testing.TB) (a, b *Host) {
	t.Helper()
	left, right := NewNetns(t), NewNetns(t)
	Cable(t, left, Trunk, right, Trunk)
	return newHostOn(t, left), newHostOn(t, right)
}

// SameMachine is a second mvrun, with a root of its own, on the host's network
// namespace.
func (h *Host) SameMachine() *Host {
	h.t.Helper()
	return newHostOn(h.t, h.Netns)
}

func newHostOn(t testing.TB, n *Netns) *Host {
	t.Helper()
	// Not t.TempDir: its names are long, and the paths of Unix sockets may
	// have only 107 bytes.
	dir, err := os.MkdirTemp("", "mvrun-")
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{Netns: n, t: t, dir: dir, CgroupParent: "/mvrun-test-" + randomHex()}
	h.useDirs(filepath.Join(dir, "root"), filepath.Join(dir, "state"))
	h.Settled()
	t.Cleanup(h.tearDown)
	return h
}

func (h *Host) useDirs(root, state string) {
	h.Root, h.State = root, state
	h.Env = []string{"MVRUN_ROOT=" + root, "MVRUN_STATE=" + state, "MVRUN_CGROUP_PARENT=" + h.CgroupParent}
}

// Settled says that the host is as it shall be found again at the end.
func (h *Host) Settled() { h.before = h.Netns.Snapshot() }

// tearDown removes what the test left to mvrun, looks for leftovers, and then
// removes those by force, so that one failing test does not fail the others.
func (h *Host) tearDown() {
	defer h.force() // even if mvrun hangs
	h.removeAll()
	if !h.t.Failed() {
		for _, leak := range h.leaksAfter(leakPatience) {
			h.t.Errorf("left over: %s", leak)
		}
	}
}

func (h *Host) removeAll() {
	if ids := strings.Fields(h.Mvrun("ps", "-aq", "--no-trunc").Stdout); len(ids) > 0 {
		h.Mvrun(append([]string{"rm", "-f"}, ids...)...)
	}
	for _, name := range strings.Fields(h.Mvrun("network", "ls", "--format", "{{.Name}}").Stdout) {
		if name != "none" && name != "host" {
			h.Mvrun("network", "rm", name)
		}
	}
}

func randomHex() string {
	var b [4]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// NamedNetns gives the host's namespace a name for `ip netns`, until the test
// ends.
func (h *Host) NamedNetns() string {
	h.t.Helper()
	name := "mvrun-" + randomHex()
	h.Sh("ip netns attach " + name + " $$")
	h.t.Cleanup(func() { h.Exec(nil, "ip", "netns", "delete", name) })
	return name
}
