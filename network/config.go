package network

import (
	"net/netip"
	"time"
)

// The networks that are always there and belong to no segment.
const (
	None = "none" // a container with nothing but lo
	Host = "host" // a container in the host's own network namespace
)

// Subnet is one pool of addresses on a network. Only Prefix is always set.
type Subnet struct {
	Prefix  netip.Prefix          `json:"prefix"`
	Gateway netip.Addr            `json:"gateway,omitzero"`
	IPRange netip.Prefix          `json:"ip_range,omitzero"` // automatic addresses come from here
	Aux     map[string]netip.Addr `json:"aux,omitempty"`     // taken by others, by name
}

// Config is a network: a named segment with its addresses. It is what
// networks/<name>/network.json holds.
type Config struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Driver     string `json:"driver"` // macvlan
	Segment    `json:"segment"`
	Mode       string            `json:"mode,omitempty"` // bridge, vepa, private or passthru
	Subnets    []Subnet          `json:"subnets,omitempty"`
	Internal   bool              `json:"internal,omitempty"` // no gateway, no default route
	Implicit   bool              `json:"implicit,omitempty"` // made by --vlan, gone with its last claim
	Labels     map[string]string `json:"labels,omitempty"`
	Options    map[string]string `json:"options,omitempty"`     // as typed, for inspect
	VLANDriver string            `json:"vlan_driver,omitempty"` // auto, kernel or ebpf
	MTU        int               `json:"mtu,omitempty"`         // bytes; 0: the parent's
	Created    time.Time         `json:"created"`
}
