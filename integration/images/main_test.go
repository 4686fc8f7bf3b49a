// Package images brings images to the built mvrun on every way there is: from a
// real registry, from other tools, and from those who mean harm. It is apart
// from the other integration tests because it needs programs and a network that
// test machines have not.
package images

import (
	"os"
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/integration/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m, nil)) }

// program is another tool's path. Debian has them all: one that is missing is no
// reason to skip.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: `make test` installs it (Debian package %s)", name, debianPackage)
	}
	return path
}

// host is a machine without a cable.
func host(t *testing.T) *lab.Host {
	t.Helper()
	t.Parallel()
	return lab.NewHost(t)
}

// in runs a command in a container of the image, without a network.
func in(h *lab.Host, image string, command ...string) string {
	return h.OK(append([]string{"run", "--rm", "--network", "none", "--pull", "never", image}, command...)...)
}

// plugged is a machine with an address on its trunk, and the other end of it
// with 10.20.30.1.
func plugged(t *testing.T) (*lab.Host, *lab.Netns) {
	t.Helper()
	t.Parallel()
	h, wire := lab.OneHost(t)
	for n, addr := range map[*lab.Netns]string{h.Netns: "10.20.30.2/24", wire: "10.20.30.1/24"} {
		a, err := netlink.ParseAddr(addr)
		if err == nil {
			err = n.Link.AddrAdd(n.Find(lab.Trunk), a)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h.Settled()
	return h, wire
}
