package network

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// parseIP reads --ip.
func (l *leg) parseIP() error {
	switch l.IP {
	case "", None:
		return nil
	case "dhcp":
		return fmt.Errorf("--ip dhcp is not supported yet: give an address, or none")
	}
	host, length, sized := strings.Cut(l.IP, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.Is4In6() {
		return fmt.Errorf("--ip %s: it is an address such as 172.16.10.10 or 172.16.10.10/24, or none", l.IP)
	}
	l.addr = addr
	if !sized {
		return nil
	}
	bits, err := strconv.Atoi(length)
	if err != nil || bits < 1 || bits > addr.BitLen() {
		return fmt.Errorf("--ip %s: the prefix length of an address like that is a number from 1 to %d", l.IP, addr.BitLen())
	}
	l.bits = bits
	return nil
}

// decide makes the leg's endpoint, but for an automatic address.
func (p *plan) decide(l *leg, n int) error {
	l.ep = Endpoint{
		ID: newID(), Network: l.net.Name, NetworkID: l.net.ID, Segment: l.net.Segment,
		Mode: l.net.Mode, VLANDriver: l.net.VLANDriver, Internal: l.net.Internal, MTU: l.net.MTU,
		IfName: l.IfName,
	}
	if l.VLANDriver != "" {
		l.ep.VLANDriver = l.VLANDriver
	}
	if l.ep.IfName == "" {
		l.ep.IfName = "eth" + strconv.Itoa(n)
	}
	if err := checkIfName(l.ep.IfName); err != nil {
		return err
	}
	if err := p.decideMAC(l, n); err != nil {
		return err
	}
	if l.ep.MTU == 0 {
		l.ep.MTU = l.MTU
	}
	l.auto = l.IP == "" && len(l.pools()) > 0
	if !l.addr.IsValid() {
		return nil
	}
	if err := l.place(); err != nil {
		return fmt.Errorf("network %s: %w", l.net.Name, err)
	}
	return nil
}

func (p *plan) decideMAC(l *leg, n int) error {
	switch {
	case l.net.Mode == passthru && l.MAC != "":
		return fmt.Errorf("--mac-address %s: in passthru mode the container has the parent's own MAC address", l.MAC)
	case l.net.Mode == passthru:
		return nil
	case l.MAC == "":
		l.ep.MAC = StableMAC(p.owner.HostID, p.owner.Name, l.net.Name, n).String()
		return nil
	}
	mac, err := parseMAC(l.MAC)
	if err == nil {
		l.ep.MAC = mac.String()
	}
	return err
}

// place finds the subnet that the address asked for is in.
func (l *leg) place() error {
	if len(l.net.Subnets) == 0 {
		return l.placeAnywhere()
	}
	var prefixes []string
	for _, sub := range l.net.Subnets {
		prefixes = append(prefixes, sub.Prefix.String())
		if !sub.Prefix.Contains(l.addr) {
			continue
		}
		if l.bits != 0 && l.bits != sub.Prefix.Bits() {
			return fmt.Errorf("address %s: the subnet is %s: leave out /%d", l.IP, sub.Prefix, l.bits)
		}
		return l.in(sub)
	}
	return fmt.Errorf("address %s is not in subnet %s", l.addr, strings.Join(prefixes, " or "))
}

func (l *leg) in(sub Subnet) error {
	if err := sub.Check(l.addr); err != nil {
		return err
	}
	l.bits = sub.Prefix.Bits()
	l.through(sub)
	return nil
}

// through gives the leg the subnet's gateway.
func (l *leg) through(sub Subnet) {
	switch {
	case l.net.Internal || !sub.Gateway.IsValid():
	case sub.Gateway.Is4():
		l.ep.Gateway = sub.Gateway
	default:
		l.ep.Gateway6 = sub.Gateway
	}
}
