package integration

import (
	"net"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"

	"github.com/mvrun/mvrun/integration/lab"
)

// shortLeases answers every client on the wire with one address, for less time
// than dnsmasq would ever give one, until stop.
func shortLeases(t *testing.T, wire *lab.Netns, addr string, lasts time.Duration) (stop func()) {
	t.Helper()
	own := net.ParseIP("172.16.0.1")
	answer := func(conn net.PacketConn, _ net.Addr, m *dhcpv4.DHCPv4) {
		kind := dhcpv4.MessageTypeAck
		switch m.MessageType() {
		case dhcpv4.MessageTypeDiscover:
			kind = dhcpv4.MessageTypeOffer
		case dhcpv4.MessageTypeRequest:
			if asked := m.RequestedIPAddress(); asked != nil && !asked.Equal(net.ParseIP(addr)) {
				kind = dhcpv4.MessageTypeNak
			}
		default:
			return
		}
		reply, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind), dhcpv4.WithServerIP(own),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(own)), dhcpv4.WithYourIP(net.ParseIP(addr)),
			dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithLeaseTime(uint32(lasts/time.Second)))
		if err == nil {
			_, _ = conn.WriteTo(reply.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
		}
	}
	var server *server4.Server
	err := wire.Do(func() (err error) {
		server, err = server4.NewServer(lab.Trunk, &net.UDPAddr{IP: net.IPv4zero, Port: dhcpv4.ServerPort}, answer)
		return err
	})
	if err != nil {
		t.Fatalf("start a DHCP server: %v", err)
	}
	go server.Serve()
	t.Cleanup(func() { server.Close() })
	return func() { server.Close() }
}
