package dhcp

import (
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network/internal/packetsock"
)

// Socket is a Conn on a real interface.
type Socket struct{ *packetsock.Socket }

// Listen opens a socket on the interface with that index and hardware address
// in the network namespace netns (a descriptor; 0 is the caller's own). A
// filter in the kernel lets only DHCP messages for this client through. The
// socket works from any thread and keeps the namespace alive until it is closed.
func Listen(netns, index int, mac net.HardwareAddr) (*Socket, error) {
	if len(mac) != 6 {
		return nil, fmt.Errorf("listen for DHCP: hardware address %q is not an Ethernet address", mac)
	}
	s, err := packetsock.Listen(packetsock.Config{
		NetNS: netns, Index: index, Protocol: unix.ETH_P_IP, Filter: messageFilter(mac),
	})
	if err != nil {
		return nil, fmt.Errorf("listen for DHCP: %w", err)
	}
	return &Socket{s}, nil
}

// messageFilter accepts whole UDP packets to port 68 whose client hardware
// address is ours. The address alone would do for security (unwrap checks
// again); the order spares work.
func messageFilter(mac net.HardwareAddr) []bpf.Instruction {
	const protocol, fragment, chaddr = 9, 6, udpHeaderLen + 28
	const drop = 100 // resolved below
	p := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: drop},
		bpf.LoadAbsolute{Off: protocol, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoUDP, SkipFalse: drop},
		bpf.LoadAbsolute{Off: fragment, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: drop},
		bpf.LoadMemShift{Off: 0}, // X = length of the IP header
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: clientPort, SkipFalse: drop},
		bpf.LoadIndirect{Off: chaddr, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(mac), SkipFalse: drop},
		bpf.LoadIndirect{Off: chaddr + 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(binary.BigEndian.Uint16(mac[4:])), SkipFalse: drop},
		bpf.RetConstant{Val: 0xffff},
		bpf.RetConstant{Val: 0},
	}
	for i, ins := range p {
		j, ok := ins.(bpf.JumpIf)
		if !ok {
			continue
		}
		skip := uint8(len(p) - 1 - i - 1) // to the last instruction
		if j.SkipTrue == drop {
			j.SkipTrue = skip
		}
		if j.SkipFalse == drop {
			j.SkipFalse = skip
		}
		p[i] = j
	}
	return p
}
