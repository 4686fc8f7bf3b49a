package acd

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
)

// newARP speaks ARP. Announcements are requests, not replies: RFC 5227 3.
func newARP(c Claim) (dialect, error) {
	probe, err := arpRequest(c.MAC, netip.IPv4Unspecified(), c.Addr)
	if err != nil {
		return dialect{}, err
	}
	announcement, err := arpRequest(c.MAC, c.Addr, c.Addr)
	if err != nil {
		return dialect{}, err
	}
	read := func(packet []byte, _ net.HardwareAddr) (rival, bool) { return readARP(c, packet) }
	return dialect{probe, announcement, read}, nil
}

// arpRequest leaves the target hardware address zero, as RFC 5227 2.1.1 asks.
func arpRequest(mac net.HardwareAddr, sender, target netip.Addr) (frame, error) {
	p, err := arp.NewPacket(arp.OperationRequest, mac, sender, make(net.HardwareAddr, 6), target)
	if err != nil {
		return frame{}, fmt.Errorf("build ARP request for %s: %w", target, err)
	}
	payload, err := p.MarshalBinary()
	return frame{ethernet.Broadcast, payload}, err
}

// readARP applies RFC 5227 2.1.1 and 2.4. Packets with our own hardware
// address are our own, come back over a loop or a hairpin.
func readARP(c Claim, packet []byte) (rival, bool) {
	var p arp.Packet
	if err := p.UnmarshalBinary(packet); err != nil {
		return rival{}, false
	}
	if p.ProtocolType != uint16(ethernet.EtherTypeIPv4) || p.HardwareAddrLength != 6 || p.IPLength != 4 {
		return rival{}, false
	}
	if bytes.Equal(p.SenderHardwareAddr, c.MAC) {
		return rival{}, false
	}
	probing := p.Operation == arp.OperationRequest && p.SenderIP.IsUnspecified() && p.TargetIP == c.Addr
	if p.SenderIP != c.Addr && !probing {
		return rival{}, false
	}
	return rival{p.SenderHardwareAddr, probing}, true
}
