package network

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
