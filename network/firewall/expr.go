package firewall

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// exprs are the conditions of one rule, each of which must hold, and its end.
type exprs []expr.Any

func (e exprs) accept() exprs { return append(e, &expr.Verdict{Kind: expr.VerdictAccept}) }

// drop ends the chain. The counter is for those who wonder.
func drop() exprs { return exprs{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}} }

// always is what comes in whatever the rules say: answers, the container's talk
// with itself, and what keeps the link working. Without neighbour discovery
// there is no IPv6; without the queries of MLD and IGMP a switch forgets which
// groups, those of neighbour discovery among them, it must send here.
func always() []exprs {
	return []exprs{
		established(),
		{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, equal(binaryutil.PutString("lo\x00"))},
		icmp6(133, 136), // RFC 4861: router and neighbour solicitations and advertisements
		icmp6(130, 130), // RFC 2710: multicast listener query
		append(family(unix.NFPROTO_IPV4), protocol(unix.IPPROTO_IGMP)...),
	}
}

// established holds for packets of a known connection, and for errors about one.
func established() exprs {
	bits := binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED)
	none := binaryutil.NativeEndian.PutUint32(0)
	return exprs{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: bits, Xor: none},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: none},
	}
}

// icmp6 holds for the ICMPv6 types from first to last.
func icmp6(first, last byte) exprs {
	e := append(family(unix.NFPROTO_IPV6), protocol(unix.IPPROTO_ICMPV6)...)
	return append(e, transport(0, 1), between([]byte{first}, []byte{last}))
}

// match is a Match for traffic from a network as rules, one of which must hold.
func match(m Match, from netip.Prefix) []exprs {
	switch m.Proto {
	case Any:
		return []exprs{{}}
	case ICMP: // of the family of the network, or of both
		var out []exprs
		if !from.Addr().Is6() {
			out = append(out, append(family(unix.NFPROTO_IPV4), protocol(unix.IPPROTO_ICMP)...))
		}
		if !from.Addr().Is4() {
			out = append(out, append(family(unix.NFPROTO_IPV6), protocol(unix.IPPROTO_ICMPV6)...))
		}
		return out
	}
	e := protocol(map[Proto]byte{TCP: unix.IPPROTO_TCP, UDP: unix.IPPROTO_UDP, SCTP: unix.IPPROTO_SCTP}[m.Proto])
	if m.First != 0 {
		// All three have the destination port there (RFC 768, 9293, 9260).
		e = append(e, transport(2, 2), between(be16(m.First), be16(m.Last)))
	}
	return []exprs{e}
}

// source holds for traffic from a network; the zero one is anybody.
func source(p netip.Prefix) exprs {
	if !p.IsValid() {
		return nil
	}
	const source4, source6 = 12, 8 // offsets in the IP header
	e, offset := family(unix.NFPROTO_IPV4), uint32(source4)
	if p.Addr().Is6() {
		e, offset = family(unix.NFPROTO_IPV6), source6
	}
	if p.Bits() == 0 {
		return e
	}
	size := p.Addr().BitLen() / 8
	return append(e,
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(size)},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: uint32(size),
			Mask: net.CIDRMask(p.Bits(), size*8), Xor: make([]byte, size),
		},
		equal(p.Addr().AsSlice()))
}

func family(nfproto byte) exprs {
	return exprs{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, equal([]byte{nfproto})}
}

func protocol(number byte) exprs {
	return exprs{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equal([]byte{number})}
}

func transport(offset, size uint32) expr.Any {
	return &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: size}
}

func equal(data []byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data} }

func between(first, last []byte) expr.Any {
	if string(first) == string(last) {
		return equal(first)
	}
	return &expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: first, ToData: last}
}

func be16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
