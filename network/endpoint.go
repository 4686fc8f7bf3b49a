package network

import (
	"net/netip"
	"time"
)

// Request is one leg of a container as the command line said it, unparsed.
type Request struct {
	Network    string   // name or ID; empty: the implicit network of VLAN and Parent
	VLAN       string   // "10", or "100.10" for VLAN 10 inside the service VLAN 100
	Parent     string   // "enp0s9"; empty: the interface of the default route
	IP         string   // "172.16.10.10", "172.16.10.10/24", "dhcp", "none", or "" for automatic
	IP6        string   // "fd00::10", "fd00::10/64", "slaac", "link-local", "none", or "" for automatic
	MAC        string   // empty: stable, derived from the owner
	IfName     string   // empty: eth0, eth1, …
	GwPriority int      // the leg with the highest has the default route
	OwnMTU     int      // bytes; 0: the network's
	Aliases    []string // further names of the container on this network
	VLANDriver string   // auto, kernel, ebpf; empty: the network's
	Probe      string   // how long to look for others with the address: "30ms", "off"; empty: the default

	// What this host's configuration knows of the VLAN, for a network that has
	// no subnets of its own.
	Subnets []Subnet // automatic addresses come from those with an IP range
	MTU     int      // bytes; 0: the network's
}

// Owner is the container that legs are planned for and attached to.
type Owner struct {
	ID       string
	Name     string
	HostID   string // what tells this host from others; goes into the MAC
	Hostname string // sent to a DHCP server
}

// Endpoint is a container's leg on a network, decided. It is stored in the
// container's configuration and holds for all its starts.
type Endpoint struct {
	ID         string `json:"id"`
	Network    string `json:"network"`
	NetworkID  string `json:"network_id"`
	Segment    `json:"segment"`
	Mode       string         `json:"mode"`
	VLANDriver string         `json:"vlan_driver,omitempty"`
	IfName     string         `json:"ifname"`
	MAC        string         `json:"mac,omitempty"` // empty in passthru mode: the link's own
	Addrs      []netip.Prefix `json:"addrs,omitempty"`
	Gateway    netip.Addr     `json:"gateway,omitzero"`
	Gateway6   netip.Addr     `json:"gateway6,omitzero"`
	Default    bool           `json:"default,omitempty"` // the default route goes out here
	Default6   bool           `json:"default6,omitempty"`
	GwPriority int            `json:"gw_priority,omitempty"`
	// IPv6 is what the leg has beside the addresses: slaac, link-local, or
	// nothing; without any, and without an address of its own, IPv6 is off.
	IPv6    string   `json:"ipv6,omitempty"`
	Aliases []string `json:"aliases,omitempty"`
	// HostAddrs are the host's own on the network, if it has host access.
	HostAddrs []netip.Addr `json:"host_addrs,omitempty"`
	BCLimit   *int32       `json:"bclim,omitempty"`
	Internal  bool         `json:"internal,omitempty"`
	MTU       int          `json:"mtu,omitempty"` // bytes; 0: the parent's
	// DHCP says that the IPv4 address is leased anew at each start; Addrs and
	// Gateway have none then.
	DHCP bool `json:"dhcp,omitempty"`
	// Probe is how long the wire is asked whether the addresses are free; 0:
	// not at all, and later conflicts are not looked for either.
	Probe time.Duration `json:"probe,omitempty"`
}

// Attachment is an endpoint as it came to be in the kernel. It is stored in
// the container's state and holds for one start.
type Attachment struct {
	Network     string `json:"network"`
	Segment     `json:"segment"`
	IfName      string         `json:"ifname"`
	IfIndex     int            `json:"ifindex"`
	MAC         string         `json:"mac"`
	MTU         int            `json:"mtu"`
	Addrs       []netip.Prefix `json:"addrs,omitempty"`
	Gateway     netip.Addr     `json:"gateway,omitzero"`
	Gateway6    netip.Addr     `json:"gateway6,omitzero"`
	Link        string         `json:"link"` // what the macvlan sits on
	LinkIndex   int            `json:"link_index"`
	ParentIndex int            `json:"parent_index"`
	Driver      string         `json:"driver,omitempty"` // kernel or ebpf; empty when untagged
	Carrier     bool           `json:"carrier"`
	Warnings    []string       `json:"warnings,omitempty"`
	Lease       *Lease         `json:"lease,omitempty"` // with DHCP, while it holds
	// SLAAC are those of Addrs that routers' advertisements gave, while they
	// hold.
	SLAAC []netip.Prefix `json:"slaac,omitempty"`
}
