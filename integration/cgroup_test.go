package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/integration/lab"
)

// asService runs its arguments in cgroups of their own, one in every
// hierarchy, as a service manager does, with the first as their name.
const asService = `name=$1; shift
dirs=/sys/fs/cgroup
[ -e /sys/fs/cgroup/cgroup.controllers ] || dirs=$(dirname $(ls -d /sys/fs/cgroup/*/cgroup.procs))
for d in $dirs; do
	mkdir $d/$name || exit 90
	[ ! -e $d/$name/cpuset.cpus ] || [ ! -e $d/cpuset.mems ] || { cat $d/cpuset.cpus > $d/$name/cpuset.cpus; cat $d/cpuset.mems > $d/$name/cpuset.mems; }
	echo $$ > $d/$name/cgroup.procs || exit 91
done
"$@" || exit 92
for d in $dirs; do
	echo $$ > $d/cgroup.procs || exit 93
	until rmdir $d/$name 2>/dev/null; do
		[ $((n += 1)) -lt 30 ] || { echo $d: ; cat $d/$name/cgroup.procs; break; }
		sleep 0.1
	done
done`

// A service that starts a container and ends leaves nobody in its cgroups:
// the container goes on, and so does its monitor, whatever ends there.
func TestMonitorLeavesItsCallersCgroups(t *testing.T) {
	h := host(t)
	name := strings.TrimPrefix(h.CgroupParent, "/") + "-caller"
	r := h.Exec(nil, "sh", "-c", asService, "sh", name,
		lab.Program(), "run", "-d", "--name", "c1", "--network", "none", "busybox", "sleep", "1000")
	if r.Code != 0 {
		t.Fatalf("%v", r)
	}
	init, monitor := initOf(t, h, "c1")
	for who, pid := range map[string]int{"container": init, "monitor": monitor} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil || strings.Contains(string(text), name) {
			t.Errorf("%s: %s, %v", who, text, err)
		}
	}
	if lines := strings.Split(r.Stdout, "\n"); len(lines) > 2 {
		t.Errorf("still in the caller's cgroups: %q", lines[1:])
	}
	h.OK("exec", "c1", "true")
}
