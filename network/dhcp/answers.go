package dhcp

import (
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// offer takes the first usable offer.
func (m *machine) offer(now time.Time, msg *dhcpv4.DHCPv4) output {
	if m.state != selecting {
		return output{}
	}
	l, err := parseLease(msg, now)
	if err != nil {
		return output{}
	}
	m.candidate = &l
	m.enter(requesting, now)
	return m.request(now)
}

// ack grants or extends. One that can't be used is not there: the machine asks
// on.
func (m *machine) ack(msg *dhcpv4.DHCPv4, from net.HardwareAddr) output {
	l, err := parseLease(msg, m.sent)
	if err != nil {
		return output{}
	}
	l.ServerMAC = from.String()
	switch m.state {
	case requesting:
		if l.Server != m.candidate.Server {
			return output{}
		}
		return m.propose(l)
	case rebooting:
		return m.propose(l)
	case renewing, rebinding:
		// Another address would be a new lease; the server must say so by a NAK.
		if l.Addr.Addr() != m.lease.Addr.Addr() {
			return output{}
		}
		return m.extended(l)
	}
	return output{}
}

func (m *machine) extended(l Lease) output {
	kind := Renewed
	if !l.sameConfig(*m.lease) {
		kind = Changed
	}
	return m.use(l, kind)
}

// propose has an address checked before it is used (4.4.1, RFC 5227).
func (m *machine) propose(l Lease) output {
	m.state, m.candidate, m.wake = checking, &l, time.Time{}
	return output{check: l.Addr.Addr()}
}

// checked takes the answer to output.check.
func (m *machine) checked(now time.Time, taken bool) output {
	if m.state != checking {
		return output{}
	}
	if taken {
		return m.decline(now, m.candidate)
	}
	return m.use(*m.candidate, Bound)
}

func (m *machine) use(l Lease, kind Kind) output {
	m.state, m.lease, m.candidate, m.naks = bound, &l, nil, 0
	m.wake = l.Renew
	return output{event: &Event{Kind: kind, Lease: l}}
}

// decline tells the server that somebody else has the address, and waits before
// it asks for another.
func (m *machine) decline(now time.Time, l *Lease) output {
	m.newTransaction()
	msg := m.id.message(dhcpv4.MessageTypeDecline, m.xid, requested(l.Addr.Addr()), server(l.Server))
	m.hint, m.candidate = nil, nil
	m.state, m.wake = initial, now.Add(declineWait)
	return output{send: []outgoing{{m: msg}}}
}

// conflict is decline for a lease in use.
func (m *machine) conflict(now time.Time) output {
	if m.lease == nil {
		return output{}
	}
	lost := m.lose("another host uses the address")
	out := m.decline(now, m.hint)
	out.event = lost
	return out
}

// nak takes a refusal. The first leads to a new attempt at once, more in a row
// to ever longer waits.
func (m *machine) nak(now time.Time, msg *dhcpv4.DHCPv4) output {
	switch m.state {
	case requesting:
		if by, ok := hostAddr(msg.ServerIdentifier()); ok && by != m.candidate.Server {
			return output{} // of a server that was not asked
		}
	case rebooting, renewing, rebinding:
	default:
		return output{}
	}
	var lost *Event
	if m.lease != nil {
		lost = m.lose(nakReason(msg))
	}
	m.hint, m.candidate = nil, nil // it does not fit this network
	m.naks++
	if m.naks > 1 {
		m.state, m.wake = initial, now.Add(backoff(m.naks-2, m.random))
		return output{event: lost}
	}
	out := m.discover(now)
	out.event = lost
	return out
}

// nakReason quotes the server (option 56), which may be anyone on the LAN.
func nakReason(msg *dhcpv4.DHCPv4) string {
	const most = 100
	text := []rune{}
	for _, r := range msg.Message() {
		if r >= ' ' && r < 0x7f && len(text) < most {
			text = append(text, r)
		}
	}
	if len(text) == 0 {
		return "the server withdrew it"
	}
	return "the server withdrew it: " + string(text)
}
