package endpoint

import (
	"fmt"
	"net/netip"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
)

func (l *Attached) conflict(c acd.Conflict) {
	if !c.Defended {
		l.dropContested(c.Claim.Addr)
	}
	if l.hooks.Conflict == nil {
		return
	}
	l.hooks.Conflict(network.Conflict{
		IfName: l.dev.ep.IfName, Addr: c.Claim.Addr, MAC: c.MAC.String(), Container: l.containerWith(c.MAC.String()),
		Time: c.Time, Defended: c.Defended,
	})
}

// containerWith names the container of this host with the MAC address on the endpoint's
// segment, or is empty.
func (l *Attached) containerWith(mac string) string {
	return l.manager.Store.ContainerWith(l.dev.ep.Segment, mac, l.owner.ID)
}

func (l *Attached) takenError(addr netip.Addr, mac string) error {
	return &network.AddressTaken{By: network.ByNeighbour, Err: fmt.Errorf("address %s %w on %s: %s has it",
		addr, network.ErrTaken, l.dev.ep.Segment, network.Holder(mac, l.containerWith(mac)))}
}

// singles are the addresses without their subnets.
func singles(prefixes []netip.Prefix) (addrs []netip.Addr) {
	for _, p := range prefixes {
		addrs = append(addrs, p.Addr())
	}
	return addrs
}
