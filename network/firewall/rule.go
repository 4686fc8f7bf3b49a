// Package firewall limits what reaches a container, by rules in the network
// namespace of the container itself: the host's own firewall never sees the
// traffic of a macvlan.
//
// A rule is written
//
//	WHAT[,WHAT…] [from NET[,NET…]]
//
// WHAT is any, icmp, a protocol (tcp, udp, sctp), or protocol/port, where port
// is one or a range such as 8000-8010; a port alone takes the protocol before
// it. NET is an address or a network in CIDR notation, IPv4 or IPv6; without
// from, anybody. Example: "tcp/80,443,udp/53,icmp from 172.16.10.0/24".
package firewall

import (
	"net/netip"
	"strconv"
	"strings"
)

// Rule lets traffic in: each of What from each of From, and from anywhere if
// From is empty.
type Rule struct {
	What []Match        `json:"what"`
	From []netip.Prefix `json:"from,omitempty"`
}

// Proto is a protocol as written in a rule.
type Proto string

// ICMP is both ICMP and ICMPv6; Any is every protocol.
const (
	Any  Proto = "any"
	ICMP Proto = "icmp"
	TCP  Proto = "tcp"
	UDP  Proto = "udp"
	SCTP Proto = "sctp"
)

// hasPorts says whether the protocol can be followed by one.
func (p Proto) hasPorts() bool { return p == TCP || p == UDP || p == SCTP }

func (p Proto) known() bool { return p == Any || p == ICMP || p.hasPorts() }

// Match is a protocol and, unless First is 0, the ports First to Last of it.
type Match struct {
	Proto Proto  `json:"proto"`
	First uint16 `json:"first,omitempty"`
	Last  uint16 `json:"last,omitempty"`
}

func (m Match) String() string {
	s := string(m.Proto)
	if m.First == 0 {
		return s
	}
	s += "/" + strconv.Itoa(int(m.First))
	if m.Last != m.First {
		s += "-" + strconv.Itoa(int(m.Last))
	}
	return s
}

// String is a form of the rule that Parse reads.
func (r Rule) String() string {
	var b strings.Builder
	for i, m := range r.What {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(m.String())
	}
	for i, p := range r.From {
		b.WriteString([]string{" from ", ","}[min(i, 1)])
		b.WriteString(p.String())
	}
	return b.String()
}
