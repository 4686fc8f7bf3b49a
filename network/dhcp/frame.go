package dhcp

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

const (
	ipHeaderLen  = 20
	udpHeaderLen = 8
	protoUDP     = 17
	clientPort   = 68
	serverPort   = 67
)

var errNotForUs = errors.New("not a DHCP message for a client")

// wrap puts a message into UDP and IPv4 (RFC 768, RFC 791).
func wrap(payload []byte, src, dst netip.Addr) []byte {
	size := ipHeaderLen + udpHeaderLen + len(payload)
	b := make([]byte, ipHeaderLen+udpHeaderLen, size)
	b[0] = 4<<4 | ipHeaderLen/4
	binary.BigEndian.PutUint16(b[2:], uint16(size))
	b[8], b[9] = 64, protoUDP
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(b[10:], checksum(0, b[:ipHeaderLen]))

	udp := b[ipHeaderLen:]
	binary.BigEndian.PutUint16(udp[0:], clientPort)
	binary.BigEndian.PutUint16(udp[2:], serverPort)
	binary.BigEndian.PutUint16(udp[4:], uint16(udpHeaderLen+len(payload)))
	b = append(b, payload...)
	pseudo := uint32(protoUDP) + uint32(udpHeaderLen+len(payload))
	for i := 12; i < 20; i += 2 {
		pseudo += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum := checksum(pseudo, b[ipHeaderLen:])
	if sum == 0 {
		sum = 0xffff // 0 would mean none (RFC 768)
	}
	binary.BigEndian.PutUint16(b[ipHeaderLen+6:], sum)
	return b
}

// checksum is RFC 1071's, begun with a sum.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// unwrap finds the message for a client in an IPv4 packet. The UDP checksum is
// not looked at: a packet from a virtual link on the same machine has none yet,
// the kernel leaves it to hardware that is not there.
func unwrap(b []byte) ([]byte, error) {
	if len(b) < ipHeaderLen || b[0]>>4 != 4 {
		return nil, errNotForUs
	}
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	fragment := binary.BigEndian.Uint16(b[6:]) & 0x3fff // more fragments, or an offset
	if header < ipHeaderLen || total < header+udpHeaderLen || total > len(b) || fragment != 0 || b[9] != protoUDP {
		return nil, errNotForUs
	}
	udp := b[header:total]
	size := int(binary.BigEndian.Uint16(udp[4:]))
	if binary.BigEndian.Uint16(udp[2:]) != clientPort || size < udpHeaderLen || size > len(udp) {
		return nil, errNotForUs
	}
	return udp[udpHeaderLen:size], nil
}
