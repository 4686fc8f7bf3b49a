package network

import "net/netip"

// VLANLink is a VLAN link that containers use, as this state directory has it
// on record.
type VLANLink struct {
	Segment
	Name        string
	Index       int // of the link
	ParentIndex int
	Driver      string // kernel or ebpf
	Made        bool   // by mvrun, so that it goes with its last container
}

// HostLink is this host's own interface on a network with host access, as this
// state directory has it on record.
type HostLink struct {
	Network, NetworkID string
	Name               string
	Index              int
	Addrs              []netip.Addr
}

// HostLinks lists the recorded ones of this boot and of the calling thread's
// network namespace. What the kernel has by now is the caller's to look up.
func (s *Store) HostLinks() ([]HostLink, error) {
	l := s.ledger()
	found, err := l.scan()
	if err != nil {
		return nil, err
	}
	var links []HostLink
	for _, id := range found.hosts {
		if rec, ok := l.hostLink(id); ok && rec.Index != 0 {
			links = append(links, HostLink{rec.Network, rec.NetworkID, rec.Name, rec.Index, rec.Addrs})
		}
	}
	return links, nil
}

// Links lists the recorded links of this boot and of the calling thread's
// network namespace. What the kernel has by now is the caller's to look up.
func (s *Store) Links() ([]VLANLink, error) {
	l := s.ledger()
	found, err := l.scan()
	if err != nil {
		return nil, err
	}
	var links []VLANLink
	for _, key := range found.links {
		if rec, ok := l.link(key); ok && rec.Index != 0 {
			links = append(links, VLANLink{rec.Segment, rec.Name, rec.Index, key.parent, rec.Driver, rec.Made})
		}
	}
	return links, nil
}
