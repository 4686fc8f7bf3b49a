// Package topology draws how containers hang on the LAN: trunk, sub-interface,
// network, container. It shows what the kernel has, mvrun's and others', next
// to what mvrun has on record.
package topology

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network"
)

// Map is the structure of one host at one moment.
type Map struct {
	Host     string      `json:"host"`
	Taken    time.Time   `json:"taken"`
	Parents  []Parent    `json:"parents"`
	Others   []Container `json:"others,omitempty"` // containers on no segment
	Warnings []string    `json:"warnings,omitempty"`
}

// Interface is a network interface as its own namespace sees it.
type Interface struct {
	Name     string         `json:"name"`
	Index    int            `json:"index,omitempty"`
	Below    int            `json:"below,omitempty"` // index of the interface it sits on, which is the 4 in eth0@if4
	Kind     string         `json:"kind,omitempty"`  // of the kernel: device, vlan, ifb, macvlan, …
	MAC      string         `json:"mac,omitempty"`
	MTU      int            `json:"mtu,omitempty"` // bytes
	Up       bool           `json:"up"`            // by the admin
	Carrier  bool           `json:"carrier"`
	Addrs    []netip.Prefix `json:"addrs,omitempty"`
	Counters *Counters      `json:"counters,omitempty"` // nil: the interface is not there
}

// Counters are those of the interface since it was made.
type Counters struct {
	RxBytes   uint64 `json:"rx_bytes"`
	TxBytes   uint64 `json:"tx_bytes"`
	RxPackets uint64 `json:"rx_packets"`
	TxPackets uint64 `json:"tx_packets"`
	RxErrors  uint64 `json:"rx_errors"`
	TxErrors  uint64 `json:"tx_errors"`
	RxDropped uint64 `json:"rx_dropped"`
	TxDropped uint64 `json:"tx_dropped"`
}

// Parent is an interface that carries segments.
type Parent struct {
	Interface
	Missing  bool      `json:"missing,omitempty"` // networks are on it, and the host has no such interface
	Segments []Segment `json:"segments,omitempty"`
}

// Segment is a VLAN of a parent, or its untagged traffic (VLAN 0).
type Segment struct {
	VID      uint16     `json:"vlan"`
	Outer    uint16     `json:"outer_vlan,omitempty"` // the service VLAN that it is inside (QinQ)
	Protocol string     `json:"protocol,omitempty"`   // 802.1ad: a service VLAN; empty is 802.1Q
	Link     *Interface `json:"link,omitempty"`       // nil: untagged, or not made at the moment
	Driver   string     `json:"driver,omitempty"`     // kernel or ebpf
	Made     bool       `json:"made,omitempty"`       // the link, by mvrun
	Networks []Network  `json:"networks,omitempty"`
	Foreign  []Foreign  `json:"foreign,omitempty"`

	used bool // containers are on the link, or on VLANs inside it
}

// Ours tells whether mvrun has any business with the segment.
func (s Segment) Ours() bool { return s.Made || s.used || len(s.Networks) > 0 }

// compare orders segments by their tags, outermost first: a service VLAN comes
// before what is inside it.
func (s Segment) compare(o Segment) int {
	return cmp.Or(cmp.Compare(cmp.Or(s.Outer, s.VID), cmp.Or(o.Outer, o.VID)), cmp.Compare(s.Outer, o.Outer),
		cmp.Compare(s.VID, o.VID), cmp.Compare(s.Protocol, o.Protocol))
}

// tags are the segment's VLANs as --vlan has them.
func (s Segment) tags() string { return network.Segment{VID: s.VID, Outer: s.Outer}.Tags() }

// Network is one of mvrun's networks.
type Network struct {
	Name     string       `json:"name"`
	ID       string       `json:"id"`
	Mode     string       `json:"mode,omitempty"`     // of its macvlans
	Implicit bool         `json:"implicit,omitempty"` // made by --vlan
	Internal bool         `json:"internal,omitempty"`
	Pools    []Pool       `json:"subnets,omitempty"`
	Host     *Seat        `json:"host_access,omitempty"`
	Legs     []Attachment `json:"legs,omitempty"`
}

// Seat is this host's own interface on a network with host access.
type Seat struct {
	Interface `json:"interface"`
	Missing   bool `json:"missing,omitempty"` // containers run there, and the interface is not there
}

// Pool is a subnet of a network.
type Pool struct {
	Subnet  netip.Prefix `json:"subnet"`
	Gateway netip.Addr   `json:"gateway,omitzero"`
}

// Container is what a leg belongs to.
type Container struct {
	Name   string `json:"container"`
	ID     string `json:"id"`
	Status string `json:"status"` // Docker's words
	Mode   string `json:"network_mode,omitempty"`
}

// Attachment is a container's leg on a network.
type Attachment struct {
	Container
	Interface `json:"interface"`
	Missing   bool `json:"missing,omitempty"` // the container runs, and the interface is not there
}

// Foreign is a macvlan, or the like, that is not a leg of a container of this
// mvrun.
type Foreign struct {
	Interface `json:"interface"`
	Owner     string `json:"owner"` // who has it: this host, a named namespace, a process
}
