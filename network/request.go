package network

import (
	"time"

	"github.com/mvrun/mvrun/network/acd"
)

// What may be said instead of an address.
const (
	DHCP      = "dhcp"       // IPv4: the LAN's server gives it
	SLAAC     = "slaac"      // IPv6: by the routers' advertisements (RFC 4862)
	LinkLocal = "link-local" // IPv6: fe80:: alone
)

// Request is one leg of a container as the command line said it, unparsed.
type Request struct {
	Network    string     // name or ID; empty: the implicit network of VLAN and Parent
	VLAN       string     // "10", or "100.10" for VLAN 10 inside the service VLAN 100
	Parent     string     // "enp0s9"; empty: the interface of the default route
	IP         string     // "172.16.10.10", "172.16.10.10/24", "dhcp", "none", or "" for automatic
	IP6        string     // "fd00::10", "fd00::10/64", "slaac", "link-local", "none", or "" for automatic
	MAC        string     // empty: stable, derived from the owner
	IfName     string     // empty: eth0, eth1, …
	GwPriority int        // the leg with the highest has the default route
	OwnMTU     int        // bytes; 0: the network's
	Aliases    []string   // further names of the container on this network
	VLANDriver VLANDriver // auto, kernel, ebpf; empty: the network's
	Probe      string     // how long to look for others with the address: "30ms", "off"; empty: the default

	// What this host's configuration knows of the VLAN, for a network that has
	// no subnets of its own.
	Subnets []Subnet // automatic addresses come from those with an IP range
	MTU     int      // bytes; 0: the network's
}

// ParseProbe reads how long the LAN is asked whether addresses are free: a duration
// such as 30ms, or off, which is 0. "" is the default.
func ParseProbe(s string) (time.Duration, error) {
	if s == "" {
		return acd.DefaultWindow, nil
	}
	return acd.ParseWindow(s)
}
