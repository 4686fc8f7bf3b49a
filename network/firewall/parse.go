package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Parse reads one rule as the package comment describes it. Its errors quote
// the part that is wrong and say what is right.
func Parse(s string) (Rule, error) {
	r, err := parse(s)
	if err != nil {
		return Rule{}, fmt.Errorf("allow rule %q: %w", s, err)
	}
	return r, nil
}

var errForm = errors.New("write it as WHAT[,WHAT] or WHAT[,WHAT] from NET[,NET], with no blank after a comma")

func parse(s string) (Rule, error) {
	f := strings.Fields(s)
	if len(f) != 1 && (len(f) != 3 || f[1] != "from") {
		return Rule{}, errForm
	}
	var r Rule
	var before Proto
	for item := range strings.SplitSeq(f[0], ",") {
		m, err := parseMatch(item, before)
		if err != nil {
			return Rule{}, err
		}
		before = m.Proto
		r.What = append(r.What, m)
	}
	if len(f) == 1 {
		return r, nil
	}
	for item := range strings.SplitSeq(f[2], ",") {
		p, err := parseNet(item)
		if err != nil {
			return Rule{}, err
		}
		r.From = append(r.From, p)
	}
	return r, nil
}

// parseMatch reads one WHAT; before is the protocol of the one before it.
func parseMatch(s string, before Proto) (Match, error) {
	name, ports, hasPorts := strings.Cut(s, "/")
	if !hasPorts && s != "" && s[0] >= '0' && s[0] <= '9' {
		if !before.hasPorts() {
			return Match{}, fmt.Errorf("port %s has no protocol: write tcp/%s or udp/%s", s, s, s)
		}
		name, ports, hasPorts = string(before), s, true
	}
	m := Match{Proto: Proto(name)}
	switch {
	case !m.Proto.known():
		return Match{}, fmt.Errorf("%q is not a protocol: there are tcp, udp, sctp, icmp and any", name)
	case !hasPorts:
		return m, nil
	case !m.Proto.hasPorts():
		return Match{}, fmt.Errorf("%s has no ports", name)
	}
	var err error
	m.First, m.Last, err = parsePorts(ports)
	return m, err
}

func parsePorts(s string) (first, last uint16, err error) {
	from, to, isRange := strings.Cut(s, "-")
	if first, err = parsePort(from); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return first, first, nil
	}
	if last, err = parsePort(to); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("port range %s is empty: the smaller port comes first", s)
	}
	return first, last, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || s[0] == '+' {
		return 0, fmt.Errorf("port %q: give a number from 1 to 65535, or a range such as 8000-8010", s)
	}
	return uint16(n), nil
}

// parseNet reads a network or a single address. One with bits set beyond its
// length is refused: it may mean the host or the network.
func parseNet(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		if addr.Zone() != "" || addr.Is4In6() {
			return netip.Prefix{}, fmt.Errorf("address %s: give it without zone or IPv4 mapping", s)
		}
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not an address or network: give one such as 172.16.10.0/24 or fd00::/64", s)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("network %s: give it without IPv4 mapping", s)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("network %s has host bits: the network is %s, the host %s", s, p.Masked(), p.Addr())
	}
	return p, nil
}
