package dhcp

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// state is that of RFC 2131 figure 5; checking is its "check for conflict"
// between REQUESTING and BOUND.
type state string

const (
	initial    state = "INIT"
	selecting  state = "SELECTING"
	requesting state = "REQUESTING"
	rebooting  state = "REBOOTING"
	checking   state = "CHECKING"
	bound      state = "BOUND"
	renewing   state = "RENEWING"
	rebinding  state = "REBINDING"
)

const (
	requestTries = 4 // then another server may be better
	rebootTries  = 2
	declineWait  = 10 * time.Second // RFC 2131 3.1.5: lest a server and a squatter make us spin
)

// machine is the client's state. Each of its steps takes the time and returns
// what is to be done; wake is when it wants to be told the time again, zero for
// never. It does nothing itself.
type machine struct {
	id     Identity
	random *rand.Rand

	state state
	wake  time.Time
	xid   dhcpv4.TransactionID
	began time.Time     // of this attempt to get a lease, for the field secs
	secs  time.Duration // of the last DISCOVER; its REQUEST has the same (4.4.1)
	sent  time.Time     // of the first message of this state
	tries int           // messages sent in this state
	naks  int           // in a row

	hint      *Lease // of an earlier life: asked for again
	candidate *Lease // offered or acknowledged, not in use
	lease     *Lease // in use
}

// output is what a step asks for.
type output struct {
	send  []outgoing
	event *Event
	check netip.Addr // if valid: probe it, then call checked
}

// outgoing is a message. A valid to means unicast, from the address in use.
type outgoing struct {
	m  *dhcpv4.DHCPv4
	to netip.Addr
}

// start begins: with a lease of an earlier life by asking whether it still
// holds (INIT-REBOOT, 3.2), else from nothing.
func (m *machine) start(now time.Time, prior *Lease) output {
	m.hint = prior
	m.began = now
	if prior != nil && prior.Valid(now) {
		m.enter(rebooting, now)
		m.newTransaction()
		return m.reboot(now)
	}
	return m.discover(now)
}

func (m *machine) enter(s state, now time.Time) { m.state, m.tries, m.sent = s, 0, now }

func (m *machine) newTransaction() { binary.BigEndian.PutUint32(m.xid[:], m.random.Uint32()) }

// tick is called at wake, or later if the process was held up; earlier it does
// nothing.
func (m *machine) tick(now time.Time) output {
	if m.lease != nil && !m.lease.Valid(now) {
		return m.expire(now, "the server did not renew it in time")
	}
	if m.wake.IsZero() || now.Before(m.wake) {
		return output{}
	}
	switch m.state {
	case initial:
		return m.discover(now)
	case selecting:
		return m.repeatDiscover(now)
	case requesting:
		if m.tries >= requestTries {
			return m.discover(now)
		}
		return m.request(now)
	case rebooting:
		return m.tickReboot(now)
	case bound:
		m.enter(renewing, now)
		m.newTransaction()
		m.began = now
		return m.extend(now)
	case renewing, rebinding:
		return m.extend(now)
	}
	return output{} // checking waits for checked
}

// discover leaves everything behind and looks for a server.
func (m *machine) discover(now time.Time) output {
	if m.state != selecting {
		m.began = now
	}
	m.enter(selecting, now)
	m.newTransaction()
	m.candidate = nil
	return m.repeatDiscover(now)
}

func (m *machine) repeatDiscover(now time.Time) output {
	m.secs = now.Sub(m.began)
	msg := m.id.question(dhcpv4.MessageTypeDiscover, m.xid, m.secs)
	if m.hint != nil {
		msg.UpdateOption(requested(m.hint.Addr.Addr()))
	}
	return m.sendAndWait(now, msg)
}

// request answers an offer.
func (m *machine) request(now time.Time) output {
	c := m.candidate
	return m.sendAndWait(now, m.id.question(dhcpv4.MessageTypeRequest, m.xid, m.secs,
		requested(c.Addr.Addr()), server(c.Server)))
}

// reboot asks all servers whether the lease of an earlier life still holds; no
// server identifier (4.3.2).
func (m *machine) reboot(now time.Time) output {
	return m.sendAndWait(now, m.id.question(dhcpv4.MessageTypeRequest, m.xid, now.Sub(m.began),
		requested(m.hint.Addr.Addr())))
}

// tickReboot keeps a lease that runs on when no server answers (3.2, 4).
func (m *machine) tickReboot(now time.Time) output {
	switch {
	case !m.hint.Valid(now):
		return m.discover(now)
	case m.tries < rebootTries:
		return m.reboot(now)
	}
	return m.propose(*m.hint)
}

func (m *machine) sendAndWait(now time.Time, msg *dhcpv4.DHCPv4) output {
	m.wake = now.Add(backoff(m.tries, m.random))
	m.tries++
	return output{send: []outgoing{{m: msg}}}
}

// receive takes a server's message and the hardware address it came from.
func (m *machine) receive(now time.Time, msg *dhcpv4.DHCPv4, from net.HardwareAddr) output {
	if msg.OpCode != dhcpv4.OpcodeBootReply || msg.TransactionID != m.xid || msg.ClientHWAddr.String() != m.id.MAC.String() {
		return output{}
	}
	switch msg.MessageType() {
	case dhcpv4.MessageTypeOffer:
		return m.offer(now, msg)
	case dhcpv4.MessageTypeAck:
		return m.ack(msg, from)
	case dhcpv4.MessageTypeNak:
		return m.nak(now, msg)
	}
	return output{}
}
