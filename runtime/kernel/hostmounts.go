package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where the hierarchies are looked for.
const cgroupRoot = "/sys/fs/cgroup"

// mounted marks a process that has mounted the cgroups for itself.
const mounted = "MVRUN_OWN_CGROUP_MOUNTS"

// ShowCgroups mounts the cgroup hierarchies where the mount namespace that we
// were started in hides them: `ip netns exec` makes one with a fresh /sys
// (ip-netns(8)). It does so in a mount namespace of its own and executes mvrun
// anew there. Where cgroups are in sight it does nothing, and where it can't
// help it leaves the complaint to who needs them.
func ShowCgroups() {
	var st unix.Statfs_t
	if unix.Statfs(cgroupRoot, &st) != nil || st.Type != unix.SYSFS_MAGIC || os.Getenv(mounted) != "" || os.Geteuid() != 0 {
		return
	}
	if err := reexecWithCgroups(); err != nil {
		fmt.Fprintf(os.Stderr, "mvrun: warning: no cgroups in this mount namespace: %v\n", err)
	}
}

func reexecWithCgroups() error {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	// execve(2) makes the calling thread the process, so its namespace stays.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare mounts: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("part from the mounts: %w", err)
	}
	for _, m := range cgroupMounts(string(own)) {
		if err := m.mount(); err != nil {
			return err
		}
	}
	return unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), mounted+"=1"))
}

// cgroupMount is one file system to mount for the cgroups to show.
type cgroupMount struct{ path, kind, options string }

func (m cgroupMount) mount() error {
	if m.path != cgroupRoot {
		if err := os.MkdirAll(m.path, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(m.kind, m.path, m.kind, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, m.options); err != nil {
		return fmt.Errorf("mount %s on %s: %w", m.kind, m.path, err)
	}
	return nil
}

// cgroupMounts lists the mounts for the hierarchies of a /proc/<pid>/cgroup
// file (cgroups(7)), at the places where systemd puts them.
func cgroupMounts(procCgroup string) []cgroupMount {
	var v1 []cgroupMount
	unified := false
	for _, line := range strings.Split(strings.TrimSpace(procCgroup), "\n") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) < 3 {
			continue
		}
		controllers := fields[1]
		if controllers == "" {
			unified = true
			continue
		}
		name := strings.TrimPrefix(controllers, "name=")
		v1 = append(v1, cgroupMount{filepath.Join(cgroupRoot, name), "cgroup", controllers})
	}
	if len(v1) == 0 {
		return []cgroupMount{{cgroupRoot, "cgroup2", ""}}
	}
	list := append([]cgroupMount{{cgroupRoot, "tmpfs", "mode=755"}}, v1...)
	if unified {
		list = append(list, cgroupMount{filepath.Join(cgroupRoot, "unified"), "cgroup2", ""})
	}
	return list
}
