package network

import (
	"fmt"
	"strconv"
)

// Segment is one broadcast domain: a VLAN of a parent NIC. VID 0 is the
// parent's own, untagged domain.
type Segment struct {
	Parent string `json:"parent,omitempty"`
	VID    uint16 `json:"vlan,omitempty"`
}

// String is the segment as people write it: enp0s9.10, or enp0s9 if untagged.
func (s Segment) String() string {
	if s.VID == 0 {
		return s.Parent
	}
	return s.Parent + "." + strconv.Itoa(int(s.VID))
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
