package dhcp

import (
	"encoding/binary"
	"fmt"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Release gives a lease back (RFC 2131 4.4.6). The protocol has no answer: a
// nil error means that the message was sent. Neither the address nor the
// original interface is needed, an interface on the same segment with the
// identity's hardware address will do, so that the lease of a container that
// is long stopped can be released.
func Release(conn Conn, id Identity, l Lease) error {
	if err := id.validate(); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	if !l.Addr.IsValid() || !l.Server.IsValid() {
		return fmt.Errorf("release lease: %s of server %s is not a lease", l.Addr, l.Server)
	}
	var xid dhcpv4.TransactionID
	binary.BigEndian.PutUint32(xid[:], newRandom().Uint32())
	m := id.message(dhcpv4.MessageTypeRelease, xid, server(l.Server))
	m.ClientIPAddr = l.Addr.Addr().AsSlice()
	if err := conn.Send(wrap(m.ToBytes(), l.Addr.Addr(), l.Server), nextHop(l)); err != nil {
		return fmt.Errorf("release lease of %s: %w", l.Addr.Addr(), err)
	}
	return nil
}
