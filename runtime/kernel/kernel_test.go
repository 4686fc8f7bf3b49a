package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
)

// What a dead monitor left is ended: the first process that its record names,
// whatever else is in the container's cgroup, and the cgroup.
func TestKillLeftovers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("leftovers are found by their cgroups: root only")
	}
	dir := t.TempDir()
	s := &container.Store{Layout: container.Layout{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}, CgroupParent: "/mvrun-kernel-test", CgroupDriver: "cgroupfs"}
	Serve(s)
	k := Of(s)
	id := container.NewID()
	first, second := orphan(t), orphan(t)
	init, err := container.Identify(first.pid)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manager.New(&cgroups.Cgroup{Path: k.CgroupsPath(id), Resources: &cgroups.Resources{SkipDevices: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(second.pid); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it is idempotent
		if err := s.KillLeftovers(id, init); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []leftover{first, second} {
		select {
		case <-p.ended:
		case <-time.After(5 * time.Second):
			t.Errorf("process %d lives", p.pid)
		}
	}
	if m.Exists() {
		t.Error("the cgroup is still there")
	}
}

// leftover is a process that nobody of the container waits for any more.
type leftover struct {
	pid   int
	ended chan error
}

func orphan(t *testing.T) leftover {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := leftover{cmd.Process.Pid, make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return p
}
