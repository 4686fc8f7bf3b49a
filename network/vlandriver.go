package network

import (
	"fmt"
	"slices"
)

// VLANDriver says who makes the sub-interface of a VLAN.
type VLANDriver string

const (
	DriverAuto   VLANDriver = "auto"   // the kernel where it can, else eBPF
	DriverKernel VLANDriver = "kernel" // the kernel's own 802.1Q
	DriverEBPF   VLANDriver = "ebpf"   // two eBPF programs and an ifb device
)

// VLANDrivers are the accepted words, the default first.
var VLANDrivers = []VLANDriver{DriverAuto, DriverKernel, DriverEBPF}

// ParseVLANDriver reads the name of a driver; "" leaves it open.
func ParseVLANDriver(s string) (VLANDriver, error) {
	if s != "" && !slices.Contains(VLANDrivers, VLANDriver(s)) {
		return "", fmt.Errorf("VLAN driver %q is not known: it is one of %s", s, anyOf(VLANDrivers))
	}
	return VLANDriver(s), nil
}
