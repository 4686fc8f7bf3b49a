package network

import (
	"fmt"
	"strconv"
	"strings"
)

// Segment is one broadcast domain: a VLAN of a parent NIC. VID 0 is the
// parent's own, untagged domain.
type Segment struct {
	Parent string `json:"parent,omitempty"`
	VID    uint16 `json:"vlan,omitempty"`
	// Outer is the service VLAN (IEEE 802.1ad, QinQ) that VID is inside; 0:
	// none.
	Outer uint16 `json:"outer_vlan,omitempty"`
}

// String is the segment as people write it: enp0s9.10, enp0s9.100.10 for VLAN
// 10 inside the service VLAN 100, or enp0s9 if untagged.
func (s Segment) String() string {
	if s.VID == 0 {
		return s.Parent
	}
	return s.Parent + "." + s.Tags()
}

// Tags are the segment's VLANs as --vlan has them: 10, or 100.10; empty if
// untagged.
func (s Segment) Tags() string {
	switch {
	case s.VID == 0:
		return ""
	case s.Outer != 0:
		return strconv.Itoa(int(s.Outer)) + "." + strconv.Itoa(int(s.VID))
	}
	return strconv.Itoa(int(s.VID))
}

// Service is the segment of the outer VLAN.
func (s Segment) Service() Segment { return Segment{Parent: s.Parent, VID: s.Outer} }

// Tags are the VLAN tags of a segment without its parent; zero: untagged.
type Tags struct {
	VID   uint16 `json:"vlan,omitempty"`
	Outer uint16 `json:"outer_vlan,omitempty"` // 0: none
}

// String is what ParseTags reads; "" if untagged.
func (t Tags) String() string { return Segment{VID: t.VID, Outer: t.Outer}.Tags() }

// ParseTags reads a VLAN: 10, or 100.10 for VLAN 10 inside the service VLAN 100.
func ParseTags(s string) (t Tags, err error) {
	first, second, inside := strings.Cut(s, ".")
	if !inside {
		t.VID, err = ParseVID(s)
		return t, err
	}
	if t.Outer, err = ParseVID(first); err == nil {
		t.VID, err = ParseVID(second)
	}
	if err != nil {
		return Tags{}, fmt.Errorf("VLAN %s: %w", s, err)
	}
	return t, nil
}

// ParseVID reads a VLAN id, 1 to 4094: IEEE 802.1Q reserves 0 for frames that
// carry a priority alone and 4095 for implementations.
func ParseVID(s string) (uint16, error) {
	vid, err := strconv.ParseUint(s, 10, 16)
	if err != nil || vid < 1 || vid > 4094 {
		return 0, fmt.Errorf("VLAN %s: a VLAN id is a number from 1 to 4094", s)
	}
	return uint16(vid), nil
}
