package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/docker/go-units"
	"github.com/opencontainers/cgroups"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
)

var infoCommand = &cli.Command{
	Name:  "info",
	Usage: "show this host as mvrun sees it",
	Flags: []cli.Flag{&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "Go template, or json"}},
	Action: func(c *cli.Context) error {
		if err := takesNone(c); err != nil {
			return err
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		v, err := infoOf(store)
		if err != nil {
			return err
		}
		if f := c.String("format"); f != "" {
			return printValue(c.App.Writer, f, v)
		}
		return printInfo(c, v)
	},
}

// infoView has Docker's names where Docker has the thing.
type infoView struct {
	ID                string
	Containers        int
	ContainersRunning int
	ContainersPaused  int
	ContainersStopped int
	Images            int
	Driver            string
	CgroupDriver      string
	CgroupVersion     string
	KernelVersion     string
	OperatingSystem   string
	OSType            string
	Architecture      string
	NCPU              int
	MemTotal          int64
	Name              string
	ServerVersion     string
	DockerRootDir     string
	StateDir          string
	VLANDriver        string
	SecurityOptions   []string
	Warnings          []string
}

func infoOf(store *container.Store) (*infoView, error) {
	id, err := store.HostID()
	if err != nil {
		return nil, err
	}
	v := &infoView{
		ID: id, Driver: "overlay", CgroupDriver: kernel.Of(store).CgroupDriverName(), CgroupVersion: "1",
		KernelVersion: kernel.KernelRelease(), OperatingSystem: osName(), OSType: runtime.GOOS, Architecture: machine(),
		NCPU: runtime.NumCPU(), MemTotal: int64(kernel.MachineMemory()), ServerVersion: version,
		DockerRootDir: store.Root, StateDir: store.State,
		SecurityOptions: []string{"name=seccomp,profile=builtin"},
	}
	if cgroups.IsCgroup2UnifiedMode() {
		v.CgroupVersion = "2"
	}
	v.Name, _ = os.Hostname()
	driver, err := trunk.DetectVLANDriver()
	if v.VLANDriver = string(driver); err != nil {
		v.VLANDriver = "none"
		v.Warnings = append(v.Warnings, "no VLAN can be carried: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	all, errs := store.List()
	for _, err := range errs {
		v.Warnings = append(v.Warnings, err.Error())
	}
	for _, c := range all {
		v.Containers++
		switch c.State.Status {
		case container.Running, container.Restarting:
			v.ContainersRunning++
		case container.Paused:
			v.ContainersPaused++
		default:
			v.ContainersStopped++
		}
	}
	v.Images, err = countImages(store.Root)
	return v, err
}

func countImages(root string) (int, error) {
	list, err := imageStore(root).List()
	return len(list), err
}

func printInfo(c *cli.Context, v *infoView) error {
	fmt.Fprintf(c.App.Writer, `Containers: %d
 Running: %d
 Paused: %d
 Stopped: %d
Images: %d
Version: %s
Storage Driver: %s
VLAN Driver: %s
Cgroup Driver: %s
Cgroup Version: %s
Kernel Version: %s
Operating System: %s
OSType: %s
Architecture: %s
CPUs: %d
Total Memory: %s
Name: %s
ID: %s
Root Dir: %s
State Dir: %s
`, v.Containers, v.ContainersRunning, v.ContainersPaused, v.ContainersStopped, v.Images, v.ServerVersion, v.Driver,
		v.VLANDriver, v.CgroupDriver, v.CgroupVersion, v.KernelVersion, v.OperatingSystem, v.OSType, v.Architecture,
		v.NCPU, units.BytesSize(float64(v.MemTotal)), v.Name, v.ID, v.DockerRootDir, v.StateDir)
	for _, w := range v.Warnings {
		warn(c.App.ErrWriter, "%s", w)
	}
	return nil
}

func osName() string {
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return runtime.GOOS
	}
	for _, line := range strings.Split(string(data), "\n") {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return runtime.GOOS
}

func machine() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return runtime.GOARCH
	}
	return unix.ByteSliceToString(u.Machine[:])
}
