package network

import (
	"encoding"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mvrun/mvrun/network/acd"
)

// What may be said instead of an address.
const (
	DHCP      = "dhcp"       // IPv4: the LAN's server gives it
	SLAAC     = "slaac"      // IPv6: by the routers' advertisements (RFC 4862)
	LinkLocal = "link-local" // IPv6: fe80:: alone
)

// AddressRequest says where the address of one family is to come from. The zero
// value is an automatic one of the network's, if it gives any.
type AddressRequest struct {
	// Word is None, DHCP, SLAAC or LinkLocal; "" with an address or an automatic
	// one.
	Word string
	Addr netip.Addr // to have this one; invalid: none is named
	Bits int        // prefix length beside it; 0: the subnet's
}

var (
	_ encoding.TextMarshaler   = AddressRequest{}
	_ encoding.TextUnmarshaler = (*AddressRequest)(nil)
)

// Automatic tells whether nothing in particular is asked for.
func (r AddressRequest) Automatic() bool { return r == AddressRequest{} }

// String is the request as ParseAddress reads it; "" is automatic.
func (r AddressRequest) String() string {
	switch {
	case r.Addr.IsValid() && r.Bits != 0:
		return r.Addr.String() + "/" + strconv.Itoa(r.Bits)
	case r.Addr.IsValid():
		return r.Addr.String()
	}
	return r.Word
}

// MarshalText is String.
func (r AddressRequest) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *AddressRequest) UnmarshalText(text []byte) (err error) {
	switch s := string(text); s {
	case "", None, DHCP, SLAAC, LinkLocal:
		*r = AddressRequest{Word: s}
	default:
		*r, err = parseAddress(s)
	}
	return err
}

// ErrOtherFamily says that an address is of the family that is asked for apart.
var ErrOtherFamily = errors.New("it is an IPv6 address that is asked for, and this is an IPv4 one")

// ParseIPv4 reads what is asked of the IPv4 address: 172.16.10.10,
// 172.16.10.10/24, dhcp, none, or "" for an automatic one. An IPv6 address is read,
// too: the caller tells them apart by Addr.
func ParseIPv4(s string) (AddressRequest, error) {
	switch s {
	case "", None, DHCP:
		return AddressRequest{Word: s}, nil
	}
	return parseAddress(s)
}

// ParseIPv6 reads what is asked of the IPv6 address: fd00::10, fd00::10/64, slaac,
// link-local, none, or "" for an automatic one. An IPv4 address is ErrOtherFamily.
func ParseIPv6(s string) (AddressRequest, error) {
	switch s {
	case "", None, SLAAC, LinkLocal:
		return AddressRequest{Word: s}, nil
	}
	r, err := parseAddress(s)
	if err == nil && !r.Addr.Is6() {
		return AddressRequest{}, ErrOtherFamily
	}
	return r, err
}

func parseAddress(s string) (AddressRequest, error) {
	host, length, sized := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.Is4In6() {
		return AddressRequest{}, errors.New("it is an address such as 172.16.10.10, 172.16.10.10/24 or fd00::10/64, dhcp, or none")
	}
	r := AddressRequest{Addr: addr}
	if !sized {
		return r, nil
	}
	r.Bits, err = strconv.Atoi(length)
	if err != nil || r.Bits < 1 || r.Bits > addr.BitLen() {
		return AddressRequest{}, fmt.Errorf("the prefix length of an address like that is a number from 1 to %d", addr.BitLen())
	}
	return r, nil
}

// Request is what is asked of one endpoint of a container.
type Request struct {
	Network    string           // name or ID; empty: the implicit network of VLAN and Parent
	VLAN       Tags             // zero: none is named
	Parent     string           // "enp0s9"; empty: the interface of the default route
	IP         AddressRequest   // an IPv6 address here is taken for IP6's
	IP6        AddressRequest   // none as well if IP is none and this automatic
	MAC        net.HardwareAddr // nil: stable, derived from the owner
	IfName     string           // empty: eth0, eth1, …
	GwPriority int              // the endpoint with the highest has the default route
	OwnMTU     int              // bytes; 0: the network's
	Aliases    []string         // further names of the container on this network
	VLANDriver VLANDriver       // empty: the network's
	// Probe is how long to look for others with the address; 0: the default,
	// ProbeOff: not at all.
	Probe time.Duration

	// What this host's configuration knows of the VLAN, for a network that has
	// no subnets of its own.
	Subnets []Subnet // automatic addresses come from those with an IP range
	MTU     int      // bytes; 0: the network's
}

// ProbeOff asks nobody whether an address is free.
const ProbeOff time.Duration = -1

// Addresses are the requests of both families, with the shorthands resolved: an
// IPv6 address given as IP is IP6's, and none as IP is none at all, unless an IPv6
// address is asked for.
func (r Request) Addresses() (four, six AddressRequest, err error) {
	four, six = r.IP, r.IP6
	switch {
	case four.Word == None && six.Automatic():
		six = four
	case four.Addr.Is6() && !six.Automatic():
		return four, six, fmt.Errorf("two IPv6 addresses are asked for, %s and %s", four, six)
	case four.Addr.Is6():
		four, six = AddressRequest{}, four
	}
	return four, six, nil
}

// ParseProbe reads how long the LAN is asked whether addresses are free: a duration
// such as 30ms, or off. "" is 0, the default.
func ParseProbe(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := acd.ParseWindow(s)
	if err == nil && d == 0 {
		d = ProbeOff
	}
	return d, err
}
