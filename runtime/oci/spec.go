// Package oci says what a container is in the words of the OCI runtime
// specification. It reads the host where it must and changes nothing.
package oci

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Host is what a spec takes from the machine at the container's start, as
// values: with the same Config and Host the Spec is always the same.
type Host struct {
	Rootfs      string            // the mounted root file system
	NetNS       string            // path of the container's network namespace; empty is the host's
	Files       map[string]string // /etc/hosts and the like: container path to host path
	Volumes     map[string]string // volume name to host path
	User        User              // Config.User looked up in the image
	Caps        []string          // capabilities that mvrun itself has
	Devices     []specs.LinuxDevice
	DeviceRules []specs.LinuxDeviceCgroup
	CgroupsPath string
	Controllers map[string]bool // cgroup controllers that the host has
	InitBinary  string          // host path of the init for --init
	AppArmor    string          // profile; empty is none
	// RecursiveReadOnly is whether a read-only bind mount can cover the
	// mounts below it (mount_setattr(2), Linux 5.12).
	RecursiveReadOnly bool
}

// initPath is where --init's binary is in the container: on the tmpfs of /dev,
// so that nothing is left in the container's own file system.
const initPath = "/dev/init"

// Spec makes the OCI configuration of a container, with a warning for each
// limit that this host can't keep.
func Spec(c *container.Config, h Host) (*specs.Spec, []string, error) {
	caps, err := capabilities(c.Security, h.Caps)
	if err != nil {
		return nil, nil, err
	}
	mounts, err := mounts(c, h)
	if err != nil {
		return nil, nil, err
	}
	resources, warnings := resources(c.Resources, h)
	spec := &specs.Spec{
		Version:     specs.Version,
		Process:     process(c, h.User, caps),
		Root:        &specs.Root{Path: h.Rootfs, Readonly: c.ReadOnly},
		Hostname:    c.Hostname,
		Domainname:  c.Domainname,
		Mounts:      mounts,
		Annotations: scopeAnnotations(c, h.CgroupsPath),
		Linux: &specs.Linux{
			Namespaces:  namespaces(h.NetNS),
			CgroupsPath: h.CgroupsPath,
			Resources:   resources,
			Devices:     h.Devices,
			Sysctl:      sysctls(c, h.NetNS != ""),
		},
	}
	if h.NetNS == "" && c.Hostname == "" {
		spec.Hostname = ""
	}
	spec.Process.ApparmorProfile = h.AppArmor
	if !c.Security.Privileged {
		spec.Linux.MaskedPaths = maskedPaths
		spec.Linux.ReadonlyPaths = readonlyPaths
		if spec.Linux.Seccomp, err = seccompFilter(c.Security.Seccomp, append([]string{c.Architecture}, c.Compat...), spec); err != nil {
			return nil, nil, err
		}
	}
	return spec, warnings, nil
}

func namespaces(netns string) []specs.LinuxNamespace {
	list := []specs.LinuxNamespace{
		{Type: specs.PIDNamespace},
		{Type: specs.IPCNamespace},
		{Type: specs.UTSNamespace},
		{Type: specs.MountNamespace},
		{Type: specs.CgroupNamespace},
	}
	if netns != "" {
		list = append(list, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: netns})
	}
	return list
}

func process(c *container.Config, user User, caps *specs.LinuxCapabilities) *specs.Process {
	args := c.Args()
	if c.Init {
		args = append([]string{initPath, "--"}, args...)
	}
	cwd := c.WorkingDir
	if cwd == "" {
		cwd = "/"
	}
	p := &specs.Process{
		Terminal:        c.TTY,
		User:            user.User,
		Args:            args,
		Env:             environment(c, user.Home),
		Cwd:             cwd,
		Capabilities:    caps,
		NoNewPrivileges: c.Security.NoNewPrivileges,
	}
	if c.Resources.OOMScoreAdj != 0 {
		score := c.Resources.OOMScoreAdj
		p.OOMScoreAdj = &score
	}
	for _, u := range c.Resources.Ulimits {
		p.Rlimits = append(p.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(u.Name), Hard: uint64(u.Hard), Soft: uint64(u.Soft)})
	}
	return p
}

// environment is Docker's: PATH, HOSTNAME and TERM first, each overridden by
// the image's and the user's. HOME comes last, from passwd, unless it is said.
func environment(c *container.Config, home string) []string {
	env := []string{"PATH=" + defaultPath, "HOSTNAME=" + c.Hostname}
	if c.TTY {
		env = append(env, "TERM=xterm")
	}
	env = MergeEnv(env, c.Env)
	if slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "HOME=") && e != "HOME=" }) {
		return env
	}
	return append(slices.DeleteFunc(env, func(e string) bool { return e == "HOME=" }), "HOME="+home)
}

// MergeEnv adds the assignments to env; a name that is there gets the new
// value in its old place, and one without "=" is taken out.
func MergeEnv(env, assignments []string) []string {
	out := append([]string{}, env...)
	for _, a := range assignments {
		name, _, set := strings.Cut(a, "=")
		at := -1
		for i, e := range out {
			if n, _, _ := strings.Cut(e, "="); n == name {
				at = i
			}
		}
		switch {
		case at >= 0 && set:
			out[at] = a
		case at >= 0:
			out = append(out[:at], out[at+1:]...)
		case set:
			out = append(out, a)
		}
	}
	return out
}

// InheritEnv adds to a container's own assignments what its image sets besides.
// A name without a value keeps the image's out.
func InheritEnv(own, image []string) []string {
	named := map[string]bool{}
	for _, a := range own {
		name, _, _ := strings.Cut(a, "=")
		named[name] = true
	}
	env := MergeEnv(nil, own)
	for _, a := range image {
		if name, _, _ := strings.Cut(a, "="); !named[name] {
			env = append(env, a)
		}
	}
	return env
}

func sysctls(c *container.Config, ownNet bool) map[string]string {
	all := map[string]string{}
	if ownNet {
		for k, v := range defaultSysctls {
			all[k] = v
		}
	}
	for k, v := range c.Resources.Sysctls {
		all[k] = v
	}
	return all
}

func sizeOption(bytes int64) string { return fmt.Sprintf("size=%d", bytes) }

func cleanDestination(path string) string { return filepath.Clean("/" + path) }

// VisibleEnv is the environment as inspect shows it: with the default PATH,
// without what depends on the start.
func VisibleEnv(c *container.Config) []string {
	for _, e := range c.Env {
		if strings.HasPrefix(e, "PATH=") {
			return c.Env
		}
	}
	return append([]string{"PATH=" + defaultPath}, c.Env...)
}
