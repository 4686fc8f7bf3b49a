package main

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/runtime"
)

// viewContainer brings a container into Docker's form.
func viewContainer(store *runtime.Store, cont *runtime.Container) *containerView {
	conf := &cont.Config
	dir := store.Dir(conf.ID)
	v := &containerView{
		ID: conf.ID, Created: dockerTime(conf.Created), Name: "/" + conf.Name, Image: conf.ImageID,
		State: viewState(&cont.State), RestartCount: cont.State.RestartCount,
		ResolvConfPath: filepath.Join(dir, "resolv.conf"), HostnamePath: filepath.Join(dir, "hostname"),
		HostsPath: filepath.Join(dir, "hosts"), LogPath: store.LogPath(conf.ID),
		Driver: "overlay", Platform: conf.Platform,
		HostConfig: viewHostConfig(conf), Config: viewConfig(conf),
		GraphDriver: graphDriverView{Name: "overlay", Data: map[string]string{
			"LowerDir": strings.Join(conf.Layers, ":"), "UpperDir": filepath.Join(dir, "upper"),
			"WorkDir": filepath.Join(dir, "work"), "MergedDir": filepath.Join(dir, "rootfs"),
		}},
		Mounts:          []mountView{},
		NetworkSettings: viewNetworks(cont),
		Mvrun:           mvrunView{Endpoints: conf.Network.Endpoints, Attachments: cont.State.Attachments, Conflicts: cont.State.Conflicts},
	}
	if args := conf.Args(); len(args) > 0 {
		v.Path, v.Args = args[0], args[1:]
	}
	v.AppArmorProfile, _ = runtime.AppArmorProfile(conf.Security) // the next start's, if one was unloaded
	if cont.State.Status.Live() {
		v.Mvrun.Monitor = cont.State.Monitor.Pid
	}
	for _, m := range conf.Mounts {
		if m.Type != "tmpfs" {
			v.Mounts = append(v.Mounts, viewMount(store, m))
		}
	}
	return v
}

func viewState(s *runtime.State) stateView {
	v := stateView{
		Status: string(s.Status), Running: s.Status.Live(), Paused: s.Status == runtime.Paused,
		Restarting: s.Status == runtime.Restarting, Dead: s.Status == runtime.Dead,
		OOMKilled: s.OOMKilled, ExitCode: s.ExitCode, Error: s.Error,
		StartedAt: dockerTime(s.StartedAt), FinishedAt: dockerTime(s.FinishedAt),
	}
	if s.Status == runtime.Running || s.Status == runtime.Paused {
		v.Pid = s.Init.Pid
	}
	return v
}

func viewMount(store *runtime.Store, m runtime.Mount) mountView {
	v := mountView{
		Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination,
		Mode: m.Mode, RW: !m.ReadOnly, Propagation: m.Propagation,
	}
	if m.Type == "volume" {
		v.Driver, v.Source = "local", volumePath(store, m.Name)
		return v
	}
	if v.Propagation == "" {
		v.Propagation = "rprivate"
	}
	return v
}

func viewHostConfig(conf *runtime.Config) hostConfigView {
	r, s, n := conf.Resources, conf.Security, conf.Network
	v := hostConfigView{
		NetworkMode: n.Mode, PortBindings: map[string]any{},
		RestartPolicy: restartView{conf.Restart.Name, conf.Restart.Max}, AutoRemove: conf.AutoRemove,
		LogConfig: viewLog(conf.Log), CapAdd: capView(s.CapAdd), CapDrop: capView(s.CapDrop),
		DNS: n.DNS, DNSOptions: n.DNSOptions, DNSSearch: n.DNSSearch,
		ExtraHosts: orNil(n.ExtraHosts), GroupAdd: orNil(conf.GroupAdd), IpcMode: "private",
		OomScoreAdj: r.OOMScoreAdj, Privileged: s.Privileged, ReadonlyRootfs: conf.ReadOnly,
		SecurityOpt: orNil(s.Options), ShmSize: conf.ShmSize, Sysctls: r.Sysctls,
		CPUShares: r.CPUShares, Memory: r.Memory, MemoryReservation: r.MemoryReservation, MemorySwap: r.MemorySwap,
		NanoCPUs: r.NanoCPUs, CPUSetCPUs: r.CPUSetCPUs, CPUSetMems: r.CPUSetMems, CPUPeriod: r.CPUPeriod, CPUQuota: r.CPUQuota, Ulimits: []ulimitView{}, Devices: []deviceView{},
		Runtime: "mvrun", CgroupnsMode: "private",
	}
	if v.ShmSize == 0 {
		v.ShmSize = runtime.DefaultShmSize
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
		v.MaskedPaths, v.ReadonlyPaths = runtime.ProtectedPaths()
	}
	for _, u := range r.Ulimits {
		v.Ulimits = append(v.Ulimits, ulimitView{u.Name, u.Hard, u.Soft})
	}
	for _, d := range s.Devices {
		if dev, access, err := runtime.ParseDevice(d); err == nil {
			host, _, _ := strings.Cut(d, ":")
			v.Devices = append(v.Devices, deviceView{host, dev.Path, access})
		}
	}
	v.VolumesFrom = conf.VolumesFrom
	for _, m := range conf.Mounts {
		viewBind(&v, m)
	}
	return v
}

func viewBind(v *hostConfigView, m runtime.Mount) {
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

func viewLog(l runtime.LogOptions) logConfigView {
	v := logConfigView{Type: "local", Config: map[string]string{}}
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

// capView writes capabilities as Docker shows them, CAP_NET_ADMIN.
func capView(names []string) (out []string) {
	for _, n := range names {
		n = strings.ToUpper(n)
		if n != "ALL" && !strings.HasPrefix(n, "CAP_") {
			n = "CAP_" + n
		}
		out = append(out, n)
	}
	return out
}

func viewConfig(conf *runtime.Config) configView {
	v := configView{
		Hostname: conf.Hostname, Domainname: conf.Domainname, User: conf.User,
		AttachStdin: conf.StdinOnce, AttachStdout: !conf.Detached, AttachStderr: !conf.Detached,
		Tty: conf.TTY, OpenStdin: conf.OpenStdin, StdinOnce: conf.StdinOnce,
		Env: append([]string{}, runtime.VisibleEnv(conf)...), Cmd: orNil(conf.Cmd), Image: conf.Image, WorkingDir: conf.WorkingDir,
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

func viewNetworks(cont *runtime.Container) networkSettingsView {
	v := networkSettingsView{Ports: map[string]any{}, Networks: map[string]legView{}}
	if cont.State.Status.Live() && cont.Config.Network.Mode != "host" {
		v.SandboxID = cont.Config.ID
		v.SandboxKey = "/proc/" + strconv.Itoa(cont.State.Init.Pid) + "/ns/net"
	}
	if len(cont.Config.Network.Endpoints) == 0 {
		v.Networks[cont.Config.Network.Mode] = legView{}
	}
	for i, ep := range cont.Config.Network.Endpoints {
		e := legView{MacAddress: ep.MAC, NetworkID: ep.NetworkID, EndpointID: ep.ID}
		if ep.Gateway.IsValid() {
			e.Gateway = ep.Gateway.String()
		}
		if ep.Gateway6.IsValid() {
			e.IPv6Gateway = ep.Gateway6.String()
		}
		if lease := legLease(cont, ep); lease != nil && lease.Gateway().IsValid() && !ep.Internal {
			e.Gateway = lease.Gateway().String()
		}
		for _, a := range legAddrs(cont, ep) {
			if a.Addr().Is4() {
				e.IPAddress, e.IPPrefixLen = a.Addr().String(), a.Bits()
			} else {
				e.GlobalIPv6Address, e.GlobalIPv6PrefixLen = a.Addr().String(), a.Bits()
			}
		}
		e.IPAMConfig = &ipamConfigView{IPv4Address: e.IPAddress}
		e.Aliases, e.GwPriority = ep.Aliases, ep.GwPriority
		e.DNSNames = append(append([]string{cont.Config.Name}, ep.Aliases...), runtime.ShortID(cont.Config.ID))
		v.Networks[ep.Network] = e
		if i == 0 {
			v.Gateway, v.IPAddress, v.IPPrefixLen, v.MacAddress = e.Gateway, e.IPAddress, e.IPPrefixLen, e.MacAddress
			v.IPv6Gateway, v.GlobalIPv6Address, v.GlobalIPv6PrefixLen = e.IPv6Gateway, e.GlobalIPv6Address, e.GlobalIPv6PrefixLen
			v.EndpointID = e.EndpointID
		}
	}
	return v
}
