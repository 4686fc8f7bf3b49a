package acd

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/internal/packetsock"
)

// Socket is a Conn on a real interface.
type Socket struct{ *packetsock.Socket }

// Listen opens a socket for one claim on the interface with that index in the
// network namespace netns (a descriptor; 0 is the caller's own), which may be
// down. A filter in the kernel lets only packets through that contest the
// address, so that a busy LAN does not wake the process. The socket works from
// any thread and keeps the namespace alive until it is closed. Closing takes 10 ms:
// let the Guard have the socket that Probe used, or close it later.
func Listen(netns, index int, c Claim) (*Socket, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("listen for %s: %w", c.Addr, err)
	}
	config := packetsock.Config{NetNS: netns, Index: index, Protocol: etherType(c), Filter: arpFilter(c)}
	if c.Addr.Is6() {
		config.Filter, config.Groups = ndpFilter(c), ndpGroups(c)
	}
	s, err := packetsock.Listen(config)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", c.Addr, err)
	}
	return &Socket{s}, nil
}

// Adopt is Listen for a socket that another process has opened so, for the same
// claim and interface, and handed over. f stays the caller's.
func Adopt(f *os.File, index int, c Claim) (*Socket, error) {
	s, err := packetsock.Adopt(f, index, etherType(c))
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", c.Addr, err)
	}
	return &Socket{s}, nil
}

func etherType(c Claim) uint16 {
	if c.Addr.Is6() {
		return unix.ETH_P_IPV6
	}
	return unix.ETH_P_ARP
}
