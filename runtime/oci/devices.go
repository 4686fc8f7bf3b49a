package oci

import (
	"fmt"
	"strings"

	"github.com/moby/sys/devices"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// HostDevices are all devices of the machine, for a privileged container.
func HostDevices() ([]specs.LinuxDevice, error) {
	found, err := devices.HostDevices()
	if err != nil {
		return nil, fmt.Errorf("list host devices: %w", err)
	}
	var list []specs.LinuxDevice
	for _, d := range found {
		list = append(list, specDevice(d))
	}
	return list, nil
}

// DeviceFromPath describes one device node of the machine.
func DeviceFromPath(path, permissions string) (specs.LinuxDevice, error) {
	d, err := devices.DeviceFromPath(path, permissions)
	if err != nil {
		return specs.LinuxDevice{}, fmt.Errorf("read device %s: %w", path, err)
	}
	return specDevice(d), nil
}

func specDevice(d *config.Device) specs.LinuxDevice {
	mode := d.FileMode
	return specs.LinuxDevice{Path: d.Path, Type: string(d.Type), Major: d.Major, Minor: d.Minor, FileMode: &mode, UID: &d.Uid, GID: &d.Gid}
}

// FillDevices says which devices the container sees and may use: the spec's
// usual few, those of --device, or all of them when it is privileged.
func FillDevices(c *container.Config, h *Host) error {
	if c.Security.Privileged {
		h.DeviceRules = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
		var err error
		h.Devices, err = HostDevices()
		return err
	}
	h.DeviceRules = []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
	for _, arg := range c.Security.Devices {
		d, access, err := ParseDevice(arg)
		if err != nil {
			return err
		}
		h.Devices = append(h.Devices, d)
		major, minor := d.Major, d.Minor
		h.DeviceRules = append(h.DeviceRules, specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &major, Minor: &minor, Access: access})
	}
	return nil
}

// ParseDevice reads host[:container[:rwm]], and looks at the device node of the host.
// Without more, the container sees it at the same path, with all permissions.
func ParseDevice(arg string) (specs.LinuxDevice, string, error) {
	parts := strings.Split(arg, ":")
	inside, access := parts[0], "rwm"
	if len(parts) > 1 && parts[1] != "" {
		if strings.Trim(parts[1], "rwm") == "" && len(parts) == 2 {
			access = parts[1]
		} else {
			inside = parts[1]
		}
	}
	if len(parts) == 3 {
		access = parts[2]
	}
	if len(parts) > 3 || access == "" || strings.Trim(access, "rwm") != "" || !strings.HasPrefix(inside, "/") {
		return specs.LinuxDevice{}, "", fmt.Errorf("invalid device %q: use HOST[:CONTAINER[:rwm]] with absolute paths", arg)
	}
	d, err := DeviceFromPath(parts[0], access)
	d.Path = inside
	return d, access, err
}
