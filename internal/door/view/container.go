package view

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/oci"
)

// Place is where a container and its volumes are on this host.
type Place struct {
	Dir      string                   // of the container
	Log      string                   // its log
	Volume   func(name string) string // the directory of a volume; "" if it is gone
	AppArmor string                   // the profile; the next start's, if one was unloaded
}

// NewContainer brings a container into Docker's form.
func NewContainer(cont *container.Container, at Place) *Container {
	conf := &cont.Config
	dir := at.Dir
	v := &Container{
		ID: conf.ID, Created: dockerTime(conf.Created), Name: "/" + conf.Name, Image: conf.ImageID,
		State: newState(&cont.State), RestartCount: cont.State.RestartCount,
		ResolvConfPath: filepath.Join(dir, "resolv.conf"), HostnamePath: filepath.Join(dir, "hostname"),
		HostsPath: filepath.Join(dir, "hosts"), LogPath: at.Log, AppArmorProfile: at.AppArmor,
		Driver: "overlay", Platform: conf.Platform,
		HostConfig: newHostConfig(conf), Config: newConfig(conf),
		GraphDriver: GraphDriver{Name: "overlay", Data: map[string]string{
			"LowerDir": strings.Join(conf.Layers, ":"), "UpperDir": filepath.Join(dir, "upper"),
			"WorkDir": filepath.Join(dir, "work"), "MergedDir": filepath.Join(dir, "rootfs"),
		}},
		Mounts:          []Mount{},
		NetworkSettings: networkSettings(cont),
		Mvrun:           Own{Endpoints: conf.Network.Endpoints, Attachments: cont.State.Attachments, Conflicts: cont.State.Conflicts},
	}
	if args := conf.Args(); len(args) > 0 {
		v.Path, v.Args = args[0], args[1:]
	}
	if cont.State.Status.Live() {
		v.Mvrun.Monitor = cont.State.Monitor.Pid
	}
	for _, m := range conf.Mounts {
		if m.Type != "tmpfs" {
			v.Mounts = append(v.Mounts, newMount(m, at.Volume))
		}
	}
	return v
}

func newState(s *container.State) State {
	v := State{
		Status: string(s.Status), Running: s.Status.Live(), Paused: s.Status == container.Paused,
		Restarting: s.Status == container.Restarting, Dead: s.Status == container.Dead,
		OOMKilled: s.OOMKilled, ExitCode: s.ExitCode, Error: s.Error,
		StartedAt: dockerTime(s.StartedAt), FinishedAt: dockerTime(s.FinishedAt),
	}
	if s.Status == container.Running || s.Status == container.Paused {
		v.Pid = s.Init.Pid
	}
	return v
}

func newMount(m container.Mount, volumePath func(name string) string) Mount {
	v := Mount{
		Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination,
		Mode: m.Mode, RW: !m.ReadOnly, Propagation: m.Propagation,
	}
	if m.Type == "volume" {
		v.Driver, v.Source = "local", volumePath(m.Name)
		return v
	}
	if v.Propagation == "" {
		v.Propagation = "rprivate"
	}
	return v
}

func newHostConfig(conf *container.Config) HostConfig {
	r, s, n := conf.Resources, conf.Security, conf.Network
	v := HostConfig{
		NetworkMode: n.Mode, PortBindings: map[string]any{},
		RestartPolicy: RestartPolicy{Name: conf.Restart.Name, MaximumRetryCount: conf.Restart.Max}, AutoRemove: conf.AutoRemove,
		LogConfig: newLog(conf.Log), CapAdd: capabilities(s.CapAdd), CapDrop: capabilities(s.CapDrop),
		DNS: n.DNS, DNSOptions: n.DNSOptions, DNSSearch: n.DNSSearch,
		ExtraHosts: orNil(n.ExtraHosts), GroupAdd: orNil(conf.GroupAdd), IpcMode: "private",
		OomScoreAdj: r.OOMScoreAdj, Privileged: s.Privileged, ReadonlyRootfs: conf.ReadOnly,
		SecurityOpt: orNil(s.Options), ShmSize: conf.ShmSize, Sysctls: r.Sysctls,
		CPUShares: r.CPUShares, Memory: r.Memory, MemoryReservation: r.MemoryReservation, MemorySwap: r.MemorySwap,
		NanoCPUs: r.NanoCPUs, CPUSetCPUs: r.CPUSetCPUs, CPUSetMems: r.CPUSetMems, CPUPeriod: r.CPUPeriod, CPUQuota: r.CPUQuota, Ulimits: []Ulimit{}, Devices: []Device{},
		Runtime: "mvrun", CgroupnsMode: "private",
	}
	if v.ShmSize == 0 {
		v.ShmSize = oci.DefaultShmSize
	}
	if v.MemorySwap == 0 && v.Memory > 0 {
		v.MemorySwap = 2 * v.Memory
	}
	if r.PidsLimit != 0 {
		v.PidsLimit = &r.PidsLimit
	}
	if conf.Init {
		v.Init = &conf.Init
	}
	if !s.Privileged {
		v.MaskedPaths, v.ReadonlyPaths = oci.ProtectedPaths()
	}
	for _, u := range r.Ulimits {
		v.Ulimits = append(v.Ulimits, Ulimit{Name: u.Name, Hard: u.Hard, Soft: u.Soft})
	}
	for _, d := range s.Devices {
		if dev, access, err := oci.ParseDevice(d); err == nil {
			host, _, _ := strings.Cut(d, ":")
			v.Devices = append(v.Devices, Device{PathOnHost: host, PathInContainer: dev.Path, CgroupPermissions: access})
		}
	}
	v.VolumesFrom = conf.VolumesFrom
	for _, m := range conf.Mounts {
		v.addMount(m)
	}
	return v
}

// addMount puts a mount of the command line where Docker shows it.
func (v *HostConfig) addMount(m container.Mount) {
	if m.Type == "tmpfs" {
		if v.Tmpfs == nil {
			v.Tmpfs = map[string]string{}
		}
		v.Tmpfs[m.Destination] = strings.Join(m.Options, ",")
		return
	}
	if m.Anonymous || m.From != "" {
		return
	}
	bind := m.Source + m.Name + ":" + m.Destination
	if m.Mode != "" {
		bind += ":" + m.Mode
	}
	v.Binds = append(v.Binds, bind)
}

func newLog(l container.LogOptions) LogConfig {
	v := LogConfig{Type: "local", Config: map[string]string{}}
	if l.Driver != "" {
		v.Type = l.Driver
	}
	if l.MaxSize != 0 {
		v.Config["max-size"] = strconv.FormatInt(l.MaxSize, 10)
	}
	if l.MaxFile != 0 {
		v.Config["max-file"] = strconv.Itoa(l.MaxFile)
	}
	return v
}

// capabilities writes capabilities as Docker shows them, CAP_NET_ADMIN.
func capabilities(names []string) (out []string) {
	for _, n := range names {
		n = strings.ToUpper(n)
		if n != "ALL" && !strings.HasPrefix(n, "CAP_") {
			n = "CAP_" + n
		}
		out = append(out, n)
	}
	return out
}

func newConfig(conf *container.Config) Config {
	v := Config{
		Hostname: conf.Hostname, Domainname: conf.Domainname, User: conf.User,
		AttachStdin: conf.StdinOnce, AttachStdout: !conf.Detached, AttachStderr: !conf.Detached,
		Tty: conf.TTY, OpenStdin: conf.OpenStdin, StdinOnce: conf.StdinOnce,
		Env: append([]string{}, oci.VisibleEnv(conf)...), Cmd: orNil(conf.Cmd), Image: conf.Image, WorkingDir: conf.WorkingDir,
		Entrypoint: orNil(conf.Entrypoint), Labels: conf.Labels, StopSignal: conf.StopSignal, StopTimeout: conf.StopTimeout,
	}
	if v.Labels == nil {
		v.Labels = map[string]string{}
	}
	for _, p := range conf.Exposed {
		if v.ExposedPorts == nil {
			v.ExposedPorts = map[string]struct{}{}
		}
		if !strings.Contains(p, "/") {
			p += "/tcp"
		}
		v.ExposedPorts[p] = struct{}{}
	}
	for _, m := range conf.Mounts {
		if m.Anonymous {
			if v.Volumes == nil {
				v.Volumes = map[string]struct{}{}
			}
			v.Volumes[m.Destination] = struct{}{}
		}
	}
	return v
}
