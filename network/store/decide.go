package store

import (
	"fmt"
	"strconv"

	"github.com/mvrun/mvrun/internal/hexid"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/acd"
)

// decide makes the leg's endpoint, but for automatic addresses. n is the leg's
// place among those of the container.
func (p *plan) decide(l *leg, n int) error {
	l.ep = network.Endpoint{
		ID: hexid.New(), Network: l.net.Name, NetworkID: l.net.ID, Segment: l.net.Segment,
		Mode: l.net.Mode, VLANDriver: l.net.VLANDriver, Internal: l.net.Internal, MTU: l.net.MTU,
		HostAddrs: l.net.HostAddrs(), BCLimit: l.net.BCLimit,
		IfName: l.IfName, GwPriority: l.GwPriority, Aliases: l.Aliases,
	}
	if l.VLANDriver != "" {
		l.ep.VLANDriver = l.VLANDriver
	}
	if l.ep.IfName == "" {
		l.ep.IfName = "eth" + strconv.Itoa(n)
	}
	if err := network.CheckIfName(l.ep.IfName); err != nil {
		return err
	}
	if err := p.decideMAC(l, n); err != nil {
		return err
	}
	if l.ep.MTU == 0 {
		l.ep.MTU = l.MTU
	}
	if l.OwnMTU != 0 {
		l.ep.MTU = l.OwnMTU
	}
	l.decideProbe()
	if err := l.decideAddresses(); err != nil {
		return fmt.Errorf("network %s: %w", l.net.Name, err)
	}
	return nil
}

func (p *plan) decideMAC(l *leg, n int) error {
	shared := l.net.Mode.SharesMAC()
	switch {
	case shared && l.MAC != nil:
		return fmt.Errorf("MAC address %s: in %s mode the container has the parent's own MAC address", l.MAC, l.net.Mode.Named())
	case shared:
		return nil
	case l.MAC == nil:
		return p.stableMAC(l, n)
	}
	l.ep.MAC = l.MAC.String()
	return nil
}

// stableMAC gives the leg the MAC address that comes from its container's name,
// unless a container has it that was renamed since: then the next one.
func (p *plan) stableMAC(l *leg, n int) error {
	others, err := p.store.onSegment(l.net.Segment)
	if err != nil {
		return err
	}
	name := p.owner.Name
	for i := 2; ; i++ {
		l.ep.MAC = network.StableMAC(p.owner.HostID, name, l.net.Name, n).String()
		if _, taken := p.macOwner(l, others); !taken {
			return nil
		}
		name = p.owner.Name + "/" + strconv.Itoa(i) // as no container is called
	}
}

// decideProbe takes over how long to ask for the address, and whether it is leased.
func (l *leg) decideProbe() {
	l.ep.DHCP = l.IP.Word == network.DHCP
	switch l.Probe {
	case 0:
		l.ep.Probe = acd.DefaultWindow
	case network.ProbeOff:
		l.ep.Probe = 0
	default:
		l.ep.Probe = l.Probe
	}
}
