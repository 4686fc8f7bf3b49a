package acd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
)

const (
	ipv6HeaderLen = 40
	protoICMPv6   = 58
	hopLimit      = 255 // RFC 4861 7.1: proves that no router forwarded it
)

var allNodes = netip.IPv6LinkLocalAllNodes()

// newNDP speaks neighbour discovery: a probe is the solicitation of duplicate
// address detection (RFC 4862 5.4.2), an announcement the unsolicited
// advertisement with the override flag (RFC 4861 7.2.6).
func newNDP(c Claim) (dialect, error) {
	group, err := ndp.SolicitedNodeMulticast(c.Addr)
	if err != nil {
		return dialect{}, fmt.Errorf("find multicast group of %s: %w", c.Addr, err)
	}
	probe, err := icmp6(netip.IPv6Unspecified(), group, &ndp.NeighborSolicitation{TargetAddress: c.Addr})
	if err != nil {
		return dialect{}, err
	}
	announcement, err := icmp6(c.Addr, allNodes, &ndp.NeighborAdvertisement{
		Override: true, TargetAddress: c.Addr,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: c.MAC}},
	})
	if err != nil {
		return dialect{}, err
	}
	read := func(packet []byte, from net.HardwareAddr) (rival, bool) { return readNDP(c, packet, from) }
	return dialect{probe, announcement, read}, nil
}

// icmp6 wraps a message into an IPv6 packet (RFC 8200 3).
func icmp6(src, dst netip.Addr, m ndp.Message) (frame, error) {
	body, err := ndp.MarshalMessageChecksum(m, src, dst)
	if err != nil {
		return frame{}, fmt.Errorf("build neighbour discovery message: %w", err)
	}
	b := make([]byte, ipv6HeaderLen, ipv6HeaderLen+len(body))
	b[0] = 6 << 4
	binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
	b[6], b[7] = protoICMPv6, hopLimit
	copy(b[8:], src.AsSlice())
	copy(b[24:], dst.AsSlice())
	return frame{multicastMAC(dst), append(b, body...)}, nil
}

// multicastMAC is RFC 2464 7.
func multicastMAC(group netip.Addr) net.HardwareAddr {
	b := group.As16()
	return net.HardwareAddr{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// ndpGroups are where the answers go (RFC 4861 7.2.4) and where others probe.
func ndpGroups(c Claim) []net.HardwareAddr {
	groups := []net.HardwareAddr{multicastMAC(allNodes)}
	if group, err := ndp.SolicitedNodeMulticast(c.Addr); err == nil {
		groups = append(groups, multicastMAC(group))
	}
	return groups
}

func readNDP(c Claim, packet []byte, from net.HardwareAddr) (rival, bool) {
	h, err := ipv6.ParseHeader(packet)
	if err != nil || h.NextHeader != protoICMPv6 || h.HopLimit != hopLimit {
		return rival{}, false
	}
	m, err := ndp.ParseMessage(packet[ipv6HeaderLen:])
	if err != nil {
		return rival{}, false
	}
	var r rival
	switch m := m.(type) {
	case *ndp.NeighborSolicitation:
		if m.TargetAddress != c.Addr || !h.Src.IsUnspecified() {
			return rival{}, false // someone looks for our address
		}
		r = rival{from, true}
	case *ndp.NeighborAdvertisement:
		if m.TargetAddress != c.Addr {
			return rival{}, false
		}
		r = rival{targetMAC(m, from), false}
	default:
		return rival{}, false
	}
	return r, !bytes.Equal(r.mac, c.MAC)
}

// targetMAC is the hardware address that an advertisement speaks for: a proxy
// or a bonded host may send it from another.
func targetMAC(m *ndp.NeighborAdvertisement, from net.HardwareAddr) net.HardwareAddr {
	for _, o := range m.Options {
		if l, ok := o.(*ndp.LinkLayerAddress); ok && l.Direction == ndp.Target {
			return l.Addr
		}
	}
	return from
}
