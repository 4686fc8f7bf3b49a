package dhcp

import (
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// extend asks for more time: the lease's server until T2, every server from
// there (4.4.5).
func (m *machine) extend(now time.Time) output {
	l := m.lease
	if m.state == renewing && !now.Before(l.Rebind) {
		m.enter(rebinding, now)
	}
	m.tries++
	m.sent = now
	msg := m.id.question(dhcpv4.MessageTypeRequest, m.xid, now.Sub(m.began))
	msg.ClientIPAddr = l.Addr.Addr().AsSlice()
	out := outgoing{m: msg}
	m.wake = retry(now, l.Expire)
	if m.state == renewing {
		out.to = l.Server
		m.wake = retry(now, l.Rebind)
	}
	return output{send: []outgoing{out}}
}

// expire takes the lease away, tells so and looks for a new one.
func (m *machine) expire(now time.Time, reason string) output {
	lost := m.lose(reason)
	out := m.discover(now)
	out.event = lost
	return out
}

func (m *machine) lose(reason string) *Event {
	e := &Event{Expired, *m.lease, reason}
	m.hint, m.lease = m.lease, nil
	return e
}
