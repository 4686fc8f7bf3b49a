package trunk

import "github.com/mvrun/mvrun/network"

// VLANLink is a VLAN link that containers use, as this state directory has it
// on record.
type VLANLink struct {
	network.Segment
	Name        string
	Index       int // of the link
	ParentIndex int
	Driver      network.VLANDriver // kernel or ebpf
	Made        bool               // by mvrun, so that it goes with its last container
}

// Links lists the recorded links of this boot and of the calling thread's
// network namespace. What the kernel has by now is the caller's to look up.
func (t Trunk) Links() ([]VLANLink, error) {
	l := t.Ledger()
	found, err := l.Scan()
	if err != nil {
		return nil, err
	}
	var links []VLANLink
	for _, key := range found.Links {
		if rec, ok := l.link(key); ok && rec.Index != 0 {
			links = append(links, VLANLink{rec.Segment, rec.Name, rec.Index, key.Parent, rec.Driver, rec.Made})
		}
	}
	return links, nil
}
