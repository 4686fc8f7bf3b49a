package topology

import "net/netip"

// seat puts this host's own interfaces on the networks with host access.
func (s *survey) seat() {
	for _, rec := range s.seats {
		net := s.networkByID(rec.NetworkID)
		if net == nil {
			continue // removed from the disk by hand: its interface is anybody's
		}
		net.Host = &Seat{Interface: Interface{Name: rec.Name}, Missing: true}
		for _, a := range rec.Addrs {
			net.Host.Addrs = append(net.Host.Addrs, netip.PrefixFrom(a, a.BitLen()))
		}
		for i := range s.children {
			if c := &s.children[i]; c.inode == s.own && c.Index == rec.Index {
				net.Host = &Seat{Interface: c.Interface}
				s.claimed[c] = true
			}
		}
	}
}

func (s *survey) networkByID(id string) *Network {
	for _, p := range s.parents {
		for i := range p.Segments {
			for j := range p.Segments[i].Networks {
				if n := &p.Segments[i].Networks[j]; n.ID == id {
					return n
				}
			}
		}
	}
	return nil
}
