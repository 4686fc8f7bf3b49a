package runtime

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups"
)

// WarmCgroups moves this process to the cgroup that it is in. That changes
// nothing, but the first write to a cgroup.procs file waits for an RCU grace
// period (percpu_down_write of cgroup_threadgroup_rwsem: about 10 ms), and one
// that follows within the next does not. Called beside the preparations of a
// container, it takes the wait off the container's start. Where it can't be
// done, that start only takes longer.
func WarmCgroups() {
	own, err := cgroups.ParseCgroupFile("/proc/self/cgroup")
	if err != nil {
		return
	}
	dir := cgroupRoot
	path := own[""]
	if !cgroups.IsCgroup2UnifiedMode() {
		// Any hierarchy will do: the lock is one for all.
		for controller, p := range own {
			mount, root, err := cgroups.FindCgroupMountpointAndRoot("", controller)
			if controller == "" || strings.HasPrefix(controller, "name=") || err != nil {
				continue
			}
			dir, path = mount, strings.TrimPrefix(p, root)
			break
		}
	}
	_ = os.WriteFile(filepath.Join(dir, path, "cgroup.procs"), []byte("0"), 0)
}
