package acd

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/arp"
	"github.com/mdlayher/ndp"
)

func TestFrames(t *testing.T) {
	d4, d6 := mustDialect(t, claim4), mustDialect(t, claim6)
	tests := []struct {
		name string
		got  frame
		to   string
		want string
	}{
		{
			"ARP probe: sender 0.0.0.0, target hardware zero", d4.probe, "ff:ff:ff:ff:ff:ff",
			"0001 0800 06 04 0001  020000000001 00000000  000000000000 ac100a0a",
		},
		{
			"ARP announcement: a request of the address by itself", d4.announcement, "ff:ff:ff:ff:ff:ff",
			"0001 0800 06 04 0001  020000000001 ac100a0a  000000000000 ac100a0a",
		},
		{
			"DAD solicitation: source ::, no option", d6.probe, "33:33:ff:00:00:10",
			"60000000 0018 3a ff  00000000000000000000000000000000  ff0200000000000000000001ff000010" +
				"87 00 7d87 00000000  fd000000000000000000000000000010",
		},
		{
			"unsolicited advertisement: override, target option", d6.announcement, "33:33:00:00:00:01",
			"60000000 0020 3a ff  fd000000000000000000000000000010  ff020000000000000000000000000001" +
				"88 00 5a7d 20000000  fd000000000000000000000000000010  02 01 020000000001",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := hex.EncodeToString(unhex(t, strings.ReplaceAll(tt.want, " ", "")))
			if diff := cmp.Diff(want, hex.EncodeToString(tt.got.payload)); diff != "" {
				t.Error(diff)
			}
			if tt.got.to.String() != tt.to {
				t.Errorf("sent to %s, want %s", tt.got.to, tt.to)
			}
		})
	}
}

func TestReadARP(t *testing.T) {
	const ours, theirs = "172.16.10.10", "172.16.10.99"
	tests := []struct {
		name   string
		packet []byte
		want   *rival
	}{
		{"reply of the owner", arpPacket(t, arp.OperationReply, ours, "0.0.0.0"), &rival{otherMAC, false}},
		{"announcement of the owner", arpPacket(t, arp.OperationRequest, ours, ours), &rival{otherMAC, false}},
		{"the owner looks for somebody", arpPacket(t, arp.OperationRequest, ours, theirs), &rival{otherMAC, false}},
		{"probe of another", arpPacket(t, arp.OperationRequest, "0.0.0.0", ours), &rival{otherMAC, true}},
		{"probe for another address", arpPacket(t, arp.OperationRequest, "0.0.0.0", theirs), nil},
		{"somebody looks for us", arpPacket(t, arp.OperationRequest, theirs, ours), nil},
		{"reply to us", arpPacket(t, arp.OperationReply, theirs, ours), nil},
		{"reply without a sender", arpPacket(t, arp.OperationReply, "0.0.0.0", ours), nil},
		{"our own probe, looped back", mustDialect(t, claim4).probe.payload, nil},
		{"our own announcement, looped back", mustDialect(t, claim4).announcement.payload, nil},
		{"too short", []byte{0, 1, 8, 0}, nil},
		{"not IPv4", append([]byte{0, 1, 0x86, 0xdd}, arpPacket(t, arp.OperationReply, ours, "0.0.0.0")[4:]...), nil},
	}
	d := mustDialect(t, claim4)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantRival(t, d, tt.packet, tt.want) })
	}
}

func TestReadNDP(t *testing.T) {
	ours, peer := claim6.Addr, netip.MustParseAddr("fd00::99")
	target := func(mac net.HardwareAddr) []ndp.Option {
		return []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: mac}}
	}
	third := net.HardwareAddr{2, 0, 0, 0, 0, 3}
	tests := []struct {
		name string
		src  netip.Addr
		m    ndp.Message
		want *rival
	}{
		{"advertisement of the owner", ours, &ndp.NeighborAdvertisement{TargetAddress: ours, Options: target(otherMAC)}, &rival{otherMAC, false}},
		{"advertisement without the option", ours, &ndp.NeighborAdvertisement{TargetAddress: ours}, &rival{otherMAC, false}},
		{"advertisement by a proxy", peer, &ndp.NeighborAdvertisement{TargetAddress: ours, Options: target(third)}, &rival{third, false}},
		{"probe of another", netip.IPv6Unspecified(), &ndp.NeighborSolicitation{TargetAddress: ours}, &rival{otherMAC, true}},
		{"somebody looks for us", peer, &ndp.NeighborSolicitation{TargetAddress: ours}, nil},
		{"our own advertisement, looped back", ours, &ndp.NeighborAdvertisement{TargetAddress: ours, Options: target(ourMAC)}, nil},
		{"advertisement of another address", peer, &ndp.NeighborAdvertisement{TargetAddress: peer}, nil},
		{"probe for another address", netip.IPv6Unspecified(), &ndp.NeighborSolicitation{TargetAddress: peer}, nil},
		{"another message", peer, &ndp.RouterSolicitation{}, nil},
	}
	d := mustDialect(t, claim6)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := icmp6(tt.src, allNodes, tt.m)
			if err != nil {
				t.Fatal(err)
			}
			wantRival(t, d, f.payload, tt.want)
			f.payload[7]-- // a router forwarded it: not from this link
			wantRival(t, d, f.payload, nil)
		})
	}
}

func wantRival(t *testing.T, d dialect, packet []byte, want *rival) {
	t.Helper()
	got, ok := d.read(packet, otherMAC)
	if ok != (want != nil) {
		t.Fatalf("read = %v, %v, want %v", got, ok, want)
	}
	if ok && (got.mac.String() != want.mac.String() || got.probing != want.probing) {
		t.Errorf("read = %v, want %v", got, *want)
	}
}

func TestClaimRefused(t *testing.T) {
	for _, c := range []Claim{
		{},
		{claim4.Addr, nil},
		{claim4.Addr, make(net.HardwareAddr, 8)},
		{netip.Addr{}, ourMAC},
		{netip.MustParseAddr("0.0.0.0"), ourMAC},
		{netip.MustParseAddr("224.0.0.1"), ourMAC},
		{netip.MustParseAddr("::ffff:10.0.0.1"), ourMAC},
		{netip.MustParseAddr("fe80::1%eth0"), ourMAC},
	} {
		if _, err := newDialect(c); err == nil {
			t.Errorf("%v was accepted", c)
		}
	}
}

func FuzzRead(f *testing.F) {
	d4, d6 := mustDialect(f, claim4), mustDialect(f, claim6)
	for _, d := range []dialect{d4, d6, mustDialect(f, rival4), mustDialect(f, rival6)} {
		f.Add(d.probe.payload)
		f.Add(d.announcement.payload)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, d := range []dialect{d4, d6} {
			if r, ok := d.read(packet, otherMAC); ok && r.mac.String() == ourMAC.String() {
				t.Errorf("our own packet taken for a rival: %x", packet)
			}
		}
	})
}
