// Package view brings records into Docker's forms: the JSON of inspect, and the rows of
// lists. Its functions are pure; what a view shows besides the record (a size, a path)
// is given to them.
package view

import (
	"github.com/mvrun/mvrun/network"
)

// The form of inspect is Docker's, so that templates and scripts go on to
// work: the same fields at the same places, the ones that mvrun has a value
// for. What only mvrun knows stands under Mvrun.

// Container is a container in Docker's form.
type Container struct {
	ID              string `json:"Id"`
	Created         string
	Path            string
	Args            []string
	State           State
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      HostConfig
	GraphDriver     GraphDriver
	SizeRw          *int64 `json:",omitempty"`
	SizeRootFs      *int64 `json:",omitempty"`
	Mounts          []Mount
	Config          Config
	NetworkSettings NetworkSettings
	Mvrun           Own
}

// State is a container's.
type State struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  string
	FinishedAt string
	Health     *Health `json:",omitempty"` // there are no health checks yet
}

type Health struct {
	Status        string
	FailingStreak int
}

type HostConfig struct {
	Binds             []string
	NetworkMode       string
	PortBindings      map[string]any
	RestartPolicy     RestartPolicy
	AutoRemove        bool
	LogConfig         LogConfig
	CapAdd            []string
	CapDrop           []string
	DNS               []string `json:"Dns"`
	DNSOptions        []string `json:"DnsOptions"`
	DNSSearch         []string `json:"DnsSearch"`
	ExtraHosts        []string
	GroupAdd          []string
	IpcMode           string
	OomScoreAdj       int
	PidMode           string
	Privileged        bool
	ReadonlyRootfs    bool
	SecurityOpt       []string
	Tmpfs             map[string]string `json:",omitempty"`
	ShmSize           int64
	Sysctls           map[string]string `json:",omitempty"`
	CPUShares         uint64            `json:"CpuShares"`
	Memory            int64
	MemoryReservation int64
	MemorySwap        int64
	NanoCPUs          int64  `json:"NanoCpus"`
	CPUPeriod         uint64 `json:"CpuPeriod"`
	CPUQuota          int64  `json:"CpuQuota"`
	CPUSetCPUs        string `json:"CpusetCpus"`
	CPUSetMems        string `json:"CpusetMems"`
	PidsLimit         *int64
	Ulimits           []Ulimit
	Init              *bool `json:",omitempty"`
	Devices           []Device
	MaskedPaths       []string
	ReadonlyPaths     []string
	Runtime           string
	CgroupnsMode      string
	Cgroup            string
	CgroupParent      string
	UTSMode           string
	UsernsMode        string
	Isolation         string
	ContainerIDFile   string
	VolumeDriver      string
	VolumesFrom       []string
	Links             []string
	PublishAllPorts   bool
	OomKillDisable    *bool
	MemorySwappiness  *int64
	BlkioWeight       uint16
}

type RestartPolicy struct {
	Name              string
	MaximumRetryCount int
}

type LogConfig struct {
	Type   string
	Config map[string]string
}

type Ulimit struct {
	Name string
	Hard int64
	Soft int64
}

type Device struct {
	PathOnHost        string
	PathInContainer   string
	CgroupPermissions string
}

type GraphDriver struct {
	Name string
	Data map[string]string
}

type Mount struct {
	Type        string
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string `json:",omitempty"`
	Mode        string
	RW          bool
	Propagation string
}

type Config struct {
	Hostname     string
	Domainname   string
	User         string
	AttachStdin  bool
	AttachStdout bool
	AttachStderr bool
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Tty          bool
	OpenStdin    bool
	StdinOnce    bool
	Env          []string
	Cmd          []string
	Image        string
	Volumes      map[string]struct{}
	WorkingDir   string
	Entrypoint   []string
	Labels       map[string]string
	StopSignal   string `json:",omitempty"`
	StopTimeout  *int   `json:",omitempty"`
}

type NetworkSettings struct {
	Bridge              string
	SandboxID           string
	SandboxKey          string
	Ports               map[string]any
	HairpinMode         bool
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	Networks            map[string]Endpoint
}

type Endpoint struct {
	IPAMConfig          *EndpointIPAM
	Links               []string
	Aliases             []string
	MacAddress          string
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	DNSNames            []string
	GwPriority          int
}

type EndpointIPAM struct {
	IPv4Address string `json:",omitempty"`
}

// Own is what Docker has no place for.
type Own struct {
	Monitor     int // pid; 0 when the container is not live
	Endpoints   []network.Endpoint
	Attachments []network.Attachment
	Conflicts   []network.Conflict `json:",omitempty"`
}
