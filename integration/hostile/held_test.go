package hostile

import (
	"strings"
	"testing"
)

var etcFiles = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/etc/group"}

// A container can take leases and locks on the files that mvrun keeps for it,
// and on its own; nobody waits for it to give them back.
func TestHeldFilesStopNobody(t *testing.T) {
	for _, how := range []string{"lease", "lock"} {
		t.Run(how, func(t *testing.T) {
			h := host(t)
			victims(t, h, func() {
				h.OK(evil("holder", append([]string{how}, etcFiles...)...)...)
				ready(t, h, "holder")
			})
			h.OK("run", "-d", "--name", "peer", "--network", "near", "busybox", "sleep", "1000")
			if hosts := h.OK("exec", "holder", "cat", "/etc/hosts"); !strings.Contains(hosts, "peer") {
				t.Errorf("the holder does not learn of its neighbours:\n%s", hosts)
			}
			h.OK("rename", "peer", "friend")
			h.OK("exec", "-u", "1:1", "holder", "true")
			h.OK("restart", "-t", "0", "holder")
			ready(t, h, "holder")
			h.OK("commit", "holder", "kept")
			h.OK("network", "connect", "far", "holder")
			h.OK("rm", "-f", "holder")
		})
	}
}
