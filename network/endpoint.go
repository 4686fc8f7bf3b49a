package network

import (
	"net/netip"
	"slices"
	"time"

	"github.com/mvrun/mvrun/network/dhcp"
)

// Owner is the container that endpoints are planned for and attached to.
type Owner struct {
	ID       string
	Name     string
	HostID   string // what tells this host from others; goes into the MAC
	Hostname string // sent to a DHCP server
}

// Endpoint is a container's connection to a network, decided. It is stored in the
// container's configuration and holds for all its starts.
type Endpoint struct {
	ID         string `json:"id"`
	Network    string `json:"network"`
	NetworkID  string `json:"network_id"`
	Segment    `json:"segment"`
	Mode       Mode           `json:"mode"`
	VLANDriver VLANDriver     `json:"vlan_driver,omitempty"`
	IfName     string         `json:"ifname"`
	MAC        string         `json:"mac,omitempty"` // empty in passthru mode: the link's own
	Addrs      []netip.Prefix `json:"addrs,omitempty"`
	Gateway    netip.Addr     `json:"gateway,omitzero"`
	Gateway6   netip.Addr     `json:"gateway6,omitzero"`
	Default    bool           `json:"default,omitempty"` // the default route goes out here
	Default6   bool           `json:"default6,omitempty"`
	GwPriority int            `json:"gw_priority,omitempty"`
	// IPv6 is what the endpoint has beside the addresses: slaac, link-local, or
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
	Driver      VLANDriver     `json:"driver,omitempty"` // kernel or ebpf; empty when untagged
	Carrier     bool           `json:"carrier"`
	Warnings    []string       `json:"warnings,omitempty"`
	Lease       *dhcp.Lease    `json:"lease,omitempty"` // with DHCP, while it holds
	// SLAAC are those of Addrs that routers' advertisements gave, while they
	// hold.
	SLAAC []netip.Prefix `json:"slaac,omitempty"`
}

// HasIPv6 tells whether the interface is to speak IPv6 at all.
func (ep *Endpoint) HasIPv6() bool {
	return ep.IPv6 != "" || slices.ContainsFunc(ep.Addrs, func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// Conflict is another host that uses an address of a container.
type Conflict struct {
	IfName    string     `json:"ifname"`
	Addr      netip.Addr `json:"addr"`
	MAC       string     `json:"mac"`                 // the other's
	Container string     `json:"container,omitempty"` // whose MAC that is, if one of this host's
	Time      time.Time  `json:"time"`
	// Defended says that the address was announced in answer. False: the other
	// does not give it up, and both now use it.
	Defended bool `json:"defended"`
}
