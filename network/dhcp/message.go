package dhcp

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// maxMessage is what a server may send (option 57): an Ethernet frame's worth
// less the headers, so that options need not spill into other fields.
const maxMessage = 1472

// wanted is the parameter request list. RFC 3442 wants 121 before 3.
var wanted = []dhcpv4.OptionCode{
	dhcpv4.OptionSubnetMask, dhcpv4.OptionClasslessStaticRoute, dhcpv4.OptionRouter,
	dhcpv4.OptionDomainNameServer, dhcpv4.OptionDomainName, dhcpv4.OptionDNSDomainSearchList,
	dhcpv4.OptionInterfaceMTU, dhcpv4.OptionNTPServers,
	dhcpv4.OptionIPAddressLeaseTime, dhcpv4.OptionRenewTimeValue, dhcpv4.OptionRebindingTimeValue,
}

// message begins one of the client's messages, with what all of them carry.
func (i Identity) message(kind dhcpv4.MessageType, xid dhcpv4.TransactionID, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: 1, TransactionID: xid,
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero,
		ClientHWAddr: i.MAC,
		Options:      dhcpv4.Options{},
	}
	m.UpdateOption(dhcpv4.OptMessageType(kind))
	// Type 0: an identifier that is not a hardware address (RFC 2132 9.14).
	m.UpdateOption(dhcpv4.OptClientIdentifier(append([]byte{0}, i.ID...)))
	for _, o := range options {
		m.UpdateOption(o)
	}
	return m
}

// question is a message that asks for configuration: DISCOVER or REQUEST.
func (i Identity) question(kind dhcpv4.MessageType, xid dhcpv4.TransactionID, secs time.Duration, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	m := i.message(kind, xid, options...)
	m.NumSeconds = uint16(min(secs/time.Second, 0xffff))
	m.UpdateOption(dhcpv4.OptMaxMessageSize(maxMessage))
	m.UpdateOption(dhcpv4.OptParameterRequestList(wanted...))
	if i.Hostname != "" {
		m.UpdateOption(dhcpv4.OptHostName(i.Hostname))
	}
	return m
}

func requested(addr netip.Addr) dhcpv4.Option {
	return dhcpv4.OptRequestedIPAddress(addr.AsSlice())
}

func server(addr netip.Addr) dhcpv4.Option {
	return dhcpv4.OptServerIdentifier(addr.AsSlice())
}
