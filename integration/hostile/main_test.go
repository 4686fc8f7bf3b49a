// Package hostile drives the built mvrun with containers and images that want
// to hold it up. What they do is their own loss: beside each runs a victim on the
// same network, and one on another, whose commands take what they always took.
package hostile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/integration/lab"
)

// programDir holds the program "hostile" for containers to mount.
var programDir string

func TestMain(m *testing.M) {
	lab.Init()
	os.Exit(lab.Main(m, build))
}

func build(dir string) error {
	programDir = dir
	cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "hostile"), "testdata/program/main.go")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// host has two networks, near and far.
func host(t *testing.T) *lab.Host {
	t.Helper()
	t.Parallel()
	h, _ := lab.OneHost(t)
	h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16.10.0/24", "-o", "parent="+lab.Trunk+".10", "near")
	h.OK("network", "create", "-d", "macvlan", "--subnet", "172.16.20.0/24", "-o", "parent="+lab.Trunk+".20", "far")
	return h
}

// evil is the start of a container, on the network near, with the program.
func evil(name string, args ...string) []string {
	run := []string{"run", "-d", "--name", name, "--network", "near", "-v", programDir + ":/h:ro", "busybox", "/h/hostile"}
	return append(run, args...)
}

// ready waits until the program has done what it was to do.
func ready(t *testing.T, h *lab.Host, name string) {
	t.Helper()
	h.Eventually(name+" is ready", func() bool { return strings.Contains(h.Mvrun("logs", name).Stdout, "ready") })
}

// aDay is what a victim goes through.
func aDay(t *testing.T, h *lab.Host, name, network, other string) (took time.Duration) {
	t.Helper()
	began := time.Now()
	h.OK("run", "-d", "--name", name, "--network", network, "busybox", "sleep", "1000")
	h.OK("exec", name, "true")
	h.OK("network", "connect", other, name)
	h.OK("network", "disconnect", other, name)
	h.OK("ps", "-a")
	h.OK("stop", "-t", "0", name)
	h.OK("start", name)
	h.OK("rm", "-f", name)
	return time.Since(began)
}

// victims fails the test when what the victims do takes far longer than it took
// before the harm was done.
func victims(t *testing.T, h *lab.Host, harm func()) {
	t.Helper()
	usual := aDay(t, h, "usual", "near", "far")
	harm()
	for _, v := range []struct{ name, network, other string }{{"neighbour", "near", "far"}, {"stranger", "far", "near"}} {
		if took := aDay(t, h, v.name, v.network, v.other); took > 5*usual+5*time.Second {
			t.Errorf("the day of a victim on the network %s took %v, usually it is %v", v.network, took, usual)
		}
	}
}
