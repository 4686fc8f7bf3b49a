package topology

import (
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

// legs puts our containers on their networks and returns those that are on
// none.
func (s *survey) legs() (others []Container) {
	for _, c := range s.containers {
		who := Container{Name: c.Config.Name, ID: c.Config.ID, Status: string(c.State.Status)}
		if len(c.Config.Network.Endpoints) == 0 {
			who.Mode = c.Config.Network.Mode
			others = append(others, who)
			continue
		}
		for _, ep := range c.Config.Network.Endpoints {
			s.leg(who, c, ep)
		}
	}
	return others
}

func (s *survey) leg(who Container, c *container.Container, ep network.Endpoint) {
	leg := Attachment{Container: who, Interface: Interface{Name: ep.IfName, MAC: ep.MAC, MTU: ep.MTU, Addrs: ep.Addrs}}
	if found := s.find(c, ep.IfName); found != nil {
		leg.Interface = found.Interface
		s.claimed[found] = true
	} else {
		leg.Missing = c.State.Status == container.Running || c.State.Status == container.Paused
	}
	net := s.networkOf(ep)
	net.Legs = append(net.Legs, leg)
}

// find is the container's interface of that name, as the kernel has it.
func (s *survey) find(c *container.Container, ifName string) *child {
	if !c.State.Status.Live() {
		return nil
	}
	inode, ok := pidSpace(c.State.Init)
	if !ok {
		return nil
	}
	for i := range s.children {
		if s.children[i].inode == inode && s.children[i].Name == ifName {
			return &s.children[i]
		}
	}
	return nil
}

// networkOf is where the endpoint belongs; one whose network was removed from
// the disk by hand is shown all the same.
func (s *survey) networkOf(ep network.Endpoint) *Network {
	seg := s.segment(vlan{Segment: ep.Segment})
	for i := range seg.Networks {
		if seg.Networks[i].Name == ep.Network {
			return &seg.Networks[i]
		}
	}
	seg.Networks = append(seg.Networks, Network{Name: ep.Network, ID: ep.NetworkID, Mode: string(ep.Mode)})
	return &seg.Networks[len(seg.Networks)-1]
}
