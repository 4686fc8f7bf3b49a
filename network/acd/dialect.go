package acd

import "net"

// A dialect is how one claim is spoken of in ARP or in neighbour discovery.
type dialect struct {
	probe, announcement frame
	// read finds in a packet who else claims the address; false for every
	// other packet, and for our own.
	read func(packet []byte, from net.HardwareAddr) (rival, bool)
}

// frame is a packet and the hardware address it is for.
type frame struct {
	to      net.HardwareAddr
	payload []byte
}

// rival is another host's say about our address. One that is only probing has
// not got the address: that is a conflict for one who probes too (RFC 5227
// 2.1.1, RFC 4862 5.4.3), not for its owner, whose kernel answers the probe.
type rival struct {
	mac     net.HardwareAddr
	probing bool
}

func newDialect(c Claim) (dialect, error) {
	if err := c.validate(); err != nil {
		return dialect{}, err
	}
	if c.Addr.Is4() {
		return newARP(c)
	}
	return newNDP(c)
}
