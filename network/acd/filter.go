package acd

import (
	"encoding/binary"
	"net"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// arpFilter accepts ARP packets from others whose sender is the address, and
// probes for it. What it refuses most is what a LAN is full of: requests of
// those who just look for somebody.
func arpFilter(c Claim) []bpf.Instruction {
	const senderMAC, senderIP, targetIP = 8, 14, 24
	addr := be32(c.Addr.AsSlice())
	f := filter{}
	f.drop(bpf.LoadExtension{Num: bpf.ExtType}, bpf.JumpEqual, unix.PACKET_OUTGOING)
	f.dropSender(c.MAC, senderMAC)
	f.accept(bpf.LoadAbsolute{Off: senderIP, Size: 4}, bpf.JumpEqual, addr)
	f.drop(bpf.LoadAbsolute{Off: senderIP, Size: 4}, bpf.JumpNotEqual, 0)
	f.accept(bpf.LoadAbsolute{Off: targetIP, Size: 4}, bpf.JumpEqual, addr)
	return append(f, bpf.RetConstant{Val: 0})
}

// ndpFilter accepts solicitations and advertisements whose target is the
// address.
func ndpFilter(c Claim) []bpf.Instruction {
	const nextHeader, icmpType, target = 6, 40, 48
	f := filter{}
	f.drop(bpf.LoadExtension{Num: bpf.ExtType}, bpf.JumpEqual, unix.PACKET_OUTGOING)
	f.drop(bpf.LoadAbsolute{Off: nextHeader, Size: 1}, bpf.JumpNotEqual, protoICMPv6)
	f.drop(bpf.LoadAbsolute{Off: icmpType, Size: 1}, bpf.JumpLessThan, 135)
	f.drop(bpf.LoadAbsolute{Off: icmpType, Size: 1}, bpf.JumpGreaterThan, 136)
	addr := c.Addr.AsSlice()
	for i := uint32(0); i < 16; i += 4 {
		f.drop(bpf.LoadAbsolute{Off: target + i, Size: 4}, bpf.JumpNotEqual, be32(addr[i:]))
	}
	return append(f, bpf.RetConstant{Val: packetSize})
}

// filter is a program of tests, each of which drops or accepts the packet at
// once: no jump further than the next return.
type filter []bpf.Instruction

func (f *filter) verdict(load bpf.Instruction, cond bpf.JumpTest, val, verdict uint32) {
	*f = append(*f, load, bpf.JumpIf{Cond: cond, Val: val, SkipFalse: 1}, bpf.RetConstant{Val: verdict})
}

func (f *filter) drop(load bpf.Instruction, cond bpf.JumpTest, val uint32) {
	f.verdict(load, cond, val, 0)
}

func (f *filter) accept(load bpf.Instruction, cond bpf.JumpTest, val uint32) {
	f.verdict(load, cond, val, packetSize)
}

// dropSender drops packets whose 6 bytes at off are mac.
func (f *filter) dropSender(mac net.HardwareAddr, off uint32) {
	*f = append(*f,
		bpf.LoadAbsolute{Off: off, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: be32(mac), SkipTrue: 3},
		bpf.LoadAbsolute{Off: off + 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(binary.BigEndian.Uint16(mac[4:])), SkipTrue: 1},
		bpf.RetConstant{Val: 0})
}

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
