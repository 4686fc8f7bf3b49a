package lab

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"
)

// Advertise plays a router on a VLAN of a cable's end: it advertises the prefix
// and itself (RFC 4861 6.2.3) five times a second, until stop is called.
func Advertise(t testing.TB, n *Netns, link string, vid uint16, prefix string) (stop func()) {
	t.Helper()
	frame := advertisement(t, vid, prefix)
	var fd int
	err := n.Do(func() (err error) {
		fd, err = openPacketSocket(n.Find(link).Attrs().Index)
		return err
	})
	if err != nil {
		t.Fatalf("play a router on %s: %v", link, err)
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer unix.Close(fd)
		for {
			if _, err := unix.Write(fd, frame); err != nil {
				return // the cable is gone
			}
			select {
			case <-end:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return sync.OnceFunc(func() { close(end); wg.Wait() })
}

func advertisement(t testing.TB, vid uint16, prefix string) []byte {
	t.Helper()
	_, subnet, err := net.ParseCIDR(prefix)
	if err != nil {
		t.Fatal(err)
	}
	ones, _ := subnet.Mask.Size()
	info := append([]byte{
		byte(ones), 0xc0, // on link, for autoconfiguration
		0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, // valid and preferred for an hour
		0, 0, 0, 0,
	}, subnet.IP.To16()...)
	mac := net.HardwareAddr{0x02, 0, 0x5e, 0, 0, 0xfe}
	ip := &layers.IPv6{
		Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6,
		SrcIP: net.ParseIP("fe80::5eff:fe00:fe"), DstIP: net.ParseIP("ff02::1"),
	}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeRouterAdvertisement, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	err = gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: mac, DstMAC: net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, EthernetType: layers.EthernetTypeDot1Q},
		&layers.Dot1Q{VLANIdentifier: vid, Type: layers.EthernetTypeIPv6},
		ip, icmp,
		&layers.ICMPv6RouterAdvertisement{
			HopLimit: 64, RouterLifetime: 1800,
			Options: layers.ICMPv6Options{
				{Type: layers.ICMPv6OptSourceAddress, Data: mac},
				{Type: layers.ICMPv6OptPrefixInfo, Data: info},
			},
		})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
