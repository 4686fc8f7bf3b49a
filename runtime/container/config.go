// Package container keeps the records of containers: what each was made with and
// what has become of it, their names, claims and events. It knows the directories,
// not the processes: package kernel makes containers real.
package container

import (
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/firewall"
)

// Config is what a container was created with. It is written before the container
// first starts; after that only a new name changes the file. The endpoints that it
// has now, after connect and disconnect, are kept beside it and read with it.
type Config struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`

	Image        string   `json:"image"`                  // as the user named it
	ImageID      string   `json:"imageID"`                // "sha256:…", digest of the image's configuration
	Platform     string   `json:"platform"`               // "linux"
	Architecture string   `json:"architecture,omitempty"` // of the image, as Go names it
	Compat       []string `json:"compat,omitempty"`       // 32-bit machines of programs in the image, named so too
	Layers       []string `json:"layers"`                 // unpacked layer directories, topmost first
	Exposed      []string `json:"exposed,omitempty"`      // "80/tcp", shown only

	Entrypoint []string          `json:"entrypoint,omitempty"`
	Cmd        []string          `json:"cmd,omitempty"`
	Env        []string          `json:"env,omitempty"` // image's, then the user's; one entry a name
	WorkingDir string            `json:"workingDir,omitempty"`
	User       string            `json:"user,omitempty"` // user[:group], names are looked up in the image
	GroupAdd   []string          `json:"groupAdd,omitempty"`
	Hostname   string            `json:"hostname,omitempty"`
	Domainname string            `json:"domainname,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`

	TTY         bool   `json:"tty,omitempty"`
	OpenStdin   bool   `json:"openStdin,omitempty"`
	StdinOnce   bool   `json:"stdinOnce,omitempty"` // stdin ends with the first client's
	Detached    bool   `json:"detached,omitempty"`  // run -d: nobody was attached at the start
	StopSignal  string `json:"stopSignal,omitempty"`
	StopTimeout *int   `json:"stopTimeout,omitempty"` // seconds; negative waits for ever

	Mounts []Mount `json:"mounts,omitempty"`
	// VolumesFrom is --volumes-from as typed, shown only: Mounts has what it brought.
	VolumesFrom []string `json:"volumesFrom,omitempty"`
	ReadOnly    bool     `json:"readOnly,omitempty"`
	ShmSize     int64    `json:"shmSize,omitempty"` // bytes

	Security  Security      `json:"security"`
	Resources Resources     `json:"resources"`
	Restart   RestartPolicy `json:"restart"`
	Log       LogOptions    `json:"log"`
	Init      bool          `json:"init,omitempty"`

	AutoRemove bool `json:"autoRemove,omitempty"`

	Network Network `json:"network"`
}

// Mount is one -v, --mount or --tmpfs.
type Mount struct {
	Type        string   `json:"type"`             // bind, volume or tmpfs
	Name        string   `json:"name,omitempty"`   // of a volume
	Source      string   `json:"source,omitempty"` // host path; empty for tmpfs
	Destination string   `json:"destination"`
	ReadOnly    bool     `json:"readOnly,omitempty"`
	Propagation string   `json:"propagation,omitempty"` // rprivate unless said
	NoCopy      bool     `json:"noCopy,omitempty"`      // leave a fresh volume empty
	Mode        string   `json:"mode,omitempty"`        // the options of -v as typed, shown only
	Options     []string `json:"options,omitempty"`     // of a tmpfs
	CopyUp      bool     `json:"copyUp,omitempty"`      // a volume fresh at the container's creation
	Anonymous   bool     `json:"anonymous,omitempty"`   // a volume that goes with the container
	From        string   `json:"from,omitempty"`        // the container of --volumes-from, shown only
	MustExist   bool     `json:"mustExist,omitempty"`   // a bind whose source is not made: --mount
}

// Security is what the container's processes may do.
type Security struct {
	CapAdd          []string `json:"capAdd,omitempty"`
	CapDrop         []string `json:"capDrop,omitempty"`
	Privileged      bool     `json:"privileged,omitempty"`
	NoNewPrivileges bool     `json:"noNewPrivileges,omitempty"`
	// Seccomp is "" for the default profile, "unconfined", or the profile's
	// JSON text: the file may be gone when the container starts again.
	Seccomp string `json:"seccomp,omitempty"`
	// AppArmor is "" for the default profile where that is loaded,
	// "unconfined", or a profile's name.
	AppArmor string   `json:"apparmor,omitempty"`
	Options  []string `json:"options,omitempty"` // --security-opt as typed, shown only
	Devices  []string `json:"devices,omitempty"` // --device as typed: host[:container[:rwm]]
}

// Resources are the container's limits; zero means none.
type Resources struct {
	Memory            int64             `json:"memory,omitempty"`            // bytes
	MemoryReservation int64             `json:"memoryReservation,omitempty"` // bytes
	MemorySwap        int64             `json:"memorySwap,omitempty"`        // memory + swap in bytes; -1 unlimited, 0 twice the memory
	NanoCPUs          int64             `json:"nanoCPUs,omitempty"`          // 1e9 is one CPU
	CPUPeriod         uint64            `json:"cpuPeriod,omitempty"`         // microseconds
	CPUQuota          int64             `json:"cpuQuota,omitempty"`          // microseconds of a period; below 0 is no limit
	CPUShares         uint64            `json:"cpuShares,omitempty"`
	CPUSetCPUs        string            `json:"cpusetCpus,omitempty"`
	CPUSetMems        string            `json:"cpusetMems,omitempty"`
	PidsLimit         int64             `json:"pidsLimit,omitempty"` // -1 unlimited
	OOMScoreAdj       int               `json:"oomScoreAdj,omitempty"`
	Ulimits           []Ulimit          `json:"ulimits,omitempty"`
	Sysctls           map[string]string `json:"sysctls,omitempty"`
}

// Ulimit is one resource limit (setrlimit(2)); -1 is unlimited.
type Ulimit struct {
	Name string `json:"name"` // "nofile"
	Hard int64  `json:"hard"`
	Soft int64  `json:"soft"`
}

// LogOptions bound the log file.
type LogOptions struct {
	Driver  string `json:"driver,omitempty"`  // "" or "none"
	MaxSize int64  `json:"maxSize,omitempty"` // bytes of one file
	MaxFile int    `json:"maxFile,omitempty"` // files kept, the current one included
}

// Network is how the container is connected.
type Network struct {
	// Mode is "none", "host", or the first network's name.
	Mode       string             `json:"mode"`
	Endpoints  []network.Endpoint `json:"endpoints,omitempty"`
	DNS        []string           `json:"dns,omitempty"`
	DNSSearch  []string           `json:"dnsSearch,omitempty"`
	DNSOptions []string           `json:"dnsOptions,omitempty"`
	ExtraHosts []string           `json:"extraHosts,omitempty"` // name:address
	// Allow is all that may come in, when there is any; the rest is dropped.
	Allow []firewall.Rule `json:"allow,omitempty"`
}

// Args is the command line that the container runs.
func (c *Config) Args() []string {
	return append(append([]string{}, c.Entrypoint...), c.Cmd...)
}

// ShortID is the form of an ID that people read: its first 12 characters.
func ShortID(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
