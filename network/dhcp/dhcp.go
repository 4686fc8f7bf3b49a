// Package dhcp leases an IPv4 address from the LAN's server and keeps it: the
// client of RFC 2131, with messages by insomniacslk/dhcp.
//
// The state machine (machine.go) is pure: it is told the time and what came
// in, and answers with what to send and when to be woken. Client is the shell
// around it that holds the socket and the clock.
//
// The socket is a packet socket throughout, also for unicast: it needs no
// address on the interface, binds no port inside the container, and no firewall
// there can cut the lease off. The price is an ICMP port unreachable that the
// kernel sends to the server after a renewal.
//
// Two waits of RFC 2131 4.4.1 are left out, for a container must start at
// once: the random one to ten seconds before the first message, and the one for
// offers of further servers (the first is taken).
package dhcp

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network/internal/packetsock"
)

// ErrLinkGone says that the interface was removed.
var ErrLinkGone = packetsock.ErrGone

// Identity is how the client presents itself. ID, the container's, is sent as
// client identifier (option 61), so that a lease outlives the hardware address.
type Identity struct {
	ID       string
	Hostname string // option 12; may be empty
	MAC      net.HardwareAddr
}

func (i Identity) validate() error {
	switch {
	case len(i.MAC) != 6:
		return fmt.Errorf("hardware address %q is not an Ethernet address", i.MAC)
	case i.ID == "" || len(i.ID) > 254: // RFC 2132 9.14: at least 2 octets, one is the type
		return fmt.Errorf("client identifier %q is not 1 to 254 bytes long", i.ID)
	case len(i.Hostname) > 255:
		return fmt.Errorf("host name %q is longer than 255 bytes", i.Hostname)
	}
	return nil
}

// Conn is the wire: IPv4 packets without the Ethernet header. Listen opens a
// real one.
type Conn interface {
	// Receive waits for a packet until the read deadline, also while the link
	// is down. ErrLinkGone ends it.
	Receive(b []byte) (n int, from net.HardwareAddr, err error)
	Send(b []byte, to net.HardwareAddr) error
	// SetReadDeadline also wakes a Receive that is waiting already.
	SetReadDeadline(t time.Time) error
}

// Prober says whether another host has an address that a server just gave.
type Prober func(addr netip.Addr) (taken bool)

// Kind of an event.
type Kind string

// What happens to a lease. After Bound come any number of Renewed and Changed,
// and possibly one Expired, after which the client looks for a lease again.
const (
	Bound   Kind = "bound"   // there is a lease: configure it
	Renewed Kind = "renewed" // the same for longer: only its times are new
	Changed Kind = "changed" // the address is the same, its options are not
	Expired Kind = "expired" // the address must not be used any more
)

// Event tells of the lease that is now held or, if Expired, was lost.
type Event struct {
	Kind   Kind
	Lease  Lease
	Reason string // of Expired, for humans
}

func (e Event) String() string {
	switch e.Kind {
	case Expired:
		return fmt.Sprintf("lease of %s lost: %s", e.Lease.Addr.Addr(), e.Reason)
	default:
		return fmt.Sprintf("lease of %s %s by %s until %s", e.Lease.Addr, e.Kind, e.Lease.Server, e.Lease.until())
	}
}
