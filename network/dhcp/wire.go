package dhcp

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

// send drops a message that the link can't take now: the machine repeats it.
func (c *Client) send(o outgoing) error {
	dst, mac := broadcastAddr, broadcastMAC
	if o.to.IsValid() {
		dst, mac = o.to, nextHop(*c.machine.lease)
	}
	err := c.conn.Send(wrap(o.m.ToBytes(), source(o.m), dst), mac)
	if errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENOBUFS) {
		return nil
	}
	return err
}

// source is 0.0.0.0 as long as the client has no address (4.1).
func source(m *dhcpv4.DHCPv4) netip.Addr {
	if src, ok := hostAddr(m.ClientIPAddr); ok {
		return src
	}
	return netip.IPv4Unspecified()
}

var (
	broadcastAddr = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	broadcastMAC  = net.HardwareAddr{255, 255, 255, 255, 255, 255}
)

// nextHop is where the server, or the router before it, was last heard.
func nextHop(l Lease) net.HardwareAddr {
	if mac, err := net.ParseMAC(l.ServerMAC); err == nil && len(mac) == 6 {
		return mac
	}
	return broadcastMAC
}

type message struct {
	m    *dhcpv4.DHCPv4
	from net.HardwareAddr
}

// listen passes on what can be read as a DHCP message.
func (c *Client) listen(ctx context.Context, messages chan<- message) error {
	defer close(messages)
	b := make([]byte, 2048) // more than maxMessage
	for {
		n, from, err := c.conn.Receive(b)
		if err != nil {
			return err
		}
		payload, err := unwrap(b[:n])
		if err != nil {
			continue
		}
		m, err := dhcpv4.FromBytes(payload)
		if err != nil {
			continue
		}
		select {
		case messages <- message{m, from}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
