package network

import (
	"crypto/sha256"
	"fmt"
	"net"
	"strconv"
)

// StableMAC derives the address of a container's endpoint from what stays the same
// when the container is made anew: host, container name, network and position. It
// is never derived from the IP alone: two hosts that hold one IP by mistake
// would then look like one machine, and no probe could tell.
func StableMAC(hostID, container, network string, position int) net.HardwareAddr {
	h := sha256.New()
	for _, part := range []string{"mvrun", hostID, container, network, strconv.Itoa(position)} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	mac := net.HardwareAddr(h.Sum(nil)[:6])
	mac[0] = mac[0]&^1 | 2 // unicast, locally administered (IEEE 802, 8.4)
	return mac
}

// ParseMAC reads an address that an Ethernet interface can have.
func ParseMAC(s string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(s)
	switch {
	case err != nil || len(mac) != 6:
		return nil, fmt.Errorf("MAC address %q: it must be six bytes such as 02:42:ac:10:0a:0a", s)
	case mac[0]&1 != 0:
		return nil, fmt.Errorf("MAC address %s is a multicast address: an interface needs a unicast one, whose first byte is even", mac)
	case mac.String() == "00:00:00:00:00:00":
		return nil, fmt.Errorf("MAC address %s: all zeros is no address", mac)
	}
	return mac, nil
}
