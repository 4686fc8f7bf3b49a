// Package acd keeps two hosts from using one address: it probes an address
// before it is configured, announces it afterwards, and defends it as long as
// it is in use. For IPv4 this is RFC 5227 (address conflict detection), for
// IPv6 the same steps with neighbour discovery (RFC 4861, RFC 4862).
//
// Two times differ from the RFCs on purpose. The probes go out within a window
// that the caller chooses, some tens of milliseconds instead of five to seven
// seconds (three times PROBE_MIN..PROBE_MAX and ANNOUNCE_WAIT): a host on a
// switched LAN answers within one or two, and a container must not wait. And
// an address that was told to be fixed is not given up after a conflict, which
// RFC 5227 2.4 (c) allows: Guard reports it.
//
// Nothing here reads the routing tables or configures anything. A macvlan does
// not hear its own parent's host: the caller compares the address with those
// of the host.
package acd

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network/internal/packetsock"
)

// RFC 5227 1.1. RFC 4861 10 has the same values in other words, give or take
// a second.
const (
	probeNum         = 3
	announceNum      = 2
	announceInterval = 2 * time.Second
	defendInterval   = 10 * time.Second
)

// DefaultWindow is the time Probe takes to find an address free.
const DefaultWindow = 30 * time.Millisecond

// ErrLinkGone says that the interface was removed.
var ErrLinkGone = packetsock.ErrGone

// Claim is an address and the hardware address that claims it.
type Claim struct {
	Addr netip.Addr
	MAC  net.HardwareAddr
}

func (c Claim) String() string { return fmt.Sprintf("%s (%s)", c.Addr, c.MAC) }

func (c Claim) validate() error {
	switch {
	case len(c.MAC) != 6:
		return fmt.Errorf("hardware address %q is not an Ethernet address", c.MAC)
	case !c.Addr.IsValid() || c.Addr.Is4In6() || c.Addr.Zone() != "" || c.Addr.IsUnspecified() || c.Addr.IsMulticast():
		return fmt.Errorf("address %s can't belong to one host", c.Addr)
	}
	return nil
}

// Conn is the wire: packets of ARP (IPv4 claims) or IPv6 (IPv6 claims) without
// the Ethernet header. Listen opens a real one.
type Conn interface {
	// Receive waits for a packet until the read deadline, also while the link
	// is down. ErrLinkGone ends it.
	Receive(b []byte) (n int, from net.HardwareAddr, err error)
	Send(b []byte, to net.HardwareAddr) error
	// SetReadDeadline also wakes a Receive that is waiting already.
	SetReadDeadline(t time.Time) error
	// Carrier says whether what is sent can reach anyone. ENODEV: the
	// interface is gone; another error: can't tell.
	Carrier() (bool, error)
}

// State is what is known of an address.
type State int

// NoPath means that the link has no carrier: nobody could have answered, so
// the address is neither free nor taken.
const (
	Free State = iota
	Taken
	NoPath
)

func (s State) String() string {
	switch s {
	case Free:
		return "free"
	case Taken:
		return "taken"
	case NoPath:
		return "no answer path"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Result of a probe. MAC is who has the address, or wants it at the same
// moment, if State is Taken.
type Result struct {
	State State
	MAC   net.HardwareAddr
}

func (r Result) String() string {
	if r.State == Taken {
		return fmt.Sprintf("taken by %s", r.MAC)
	}
	return r.State.String()
}
