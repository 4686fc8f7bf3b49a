package dhcp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

const (
	infinite = time.Duration(0xffffffff) * time.Second // RFC 2131 3.3
	minLease = 10 * time.Second                        // less could not be kept by renewing
	minMTU   = 68                                      // RFC 2132 5.1
)

// parseLease reads an offer or acknowledgement for a request that went out at
// sent: RFC 2131 4.4.5 counts the lease from there. What would make the lease
// unusable is an error; an optional part that makes no sense is left out, for
// servers on real LANs send such.
func parseLease(m *dhcpv4.DHCPv4, sent time.Time) (Lease, error) {
	l := Lease{Start: sent}
	var err error
	if l.Addr, err = subnet(m); err != nil {
		return Lease{}, err
	}
	server, ok := hostAddr(m.ServerIdentifier())
	if !ok {
		return Lease{}, errors.New("no server identifier")
	}
	l.Server = server
	if err := setTimes(&l, m); err != nil {
		return Lease{}, err
	}
	l.Routes = routes(m)
	l.DNS, l.NTP = hostAddrs(m.DNS()), hostAddrs(m.NTPServers())
	l.Domain = domainName(m.DomainName())
	if labels := m.DomainSearch(); labels != nil {
		for _, name := range labels.Labels {
			if name = domainName(name); name != "" {
				l.Search = append(l.Search, name)
			}
		}
	}
	if mtu, err := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, m.Options); err == nil && mtu >= minMTU {
		l.MTU = int(mtu)
	}
	return l, nil
}

// subnet is the address with its length. Without option 1 it is the class's
// (RFC 950), which is what other clients take.
func subnet(m *dhcpv4.DHCPv4) (netip.Prefix, error) {
	addr, ok := hostAddr(m.YourIPAddr)
	if !ok {
		return netip.Prefix{}, fmt.Errorf("address %s can't belong to a host", m.YourIPAddr)
	}
	mask := m.SubnetMask()
	if mask == nil {
		mask = net.IP(addr.AsSlice()).DefaultMask()
	}
	ones, bits := mask.Size()
	if ones == 0 || bits != 32 {
		return netip.Prefix{}, fmt.Errorf("subnet mask %s is none", mask)
	}
	return netip.PrefixFrom(addr, ones), nil
}

// setTimes applies options 51, 58 and 59. T1 and T2 that are out of order are
// replaced by the defaults of RFC 2131 4.4.5.
func setTimes(l *Lease, m *dhcpv4.DHCPv4) error {
	d := m.IPAddressLeaseTime(0)
	if d == infinite {
		return nil
	}
	if d < minLease {
		return fmt.Errorf("lease time %s is under %s", d, minLease)
	}
	t1, t2 := m.IPAddressRenewalTime(0), m.IPAddressRebindingTime(0)
	if t2 <= 0 || t2 >= d {
		t2 = d * 7 / 8
	}
	if t1 <= 0 || t1 >= t2 {
		t1 = min(d/2, t2*4/7)
	}
	l.Renew, l.Rebind, l.Expire = l.Start.Add(t1), l.Start.Add(t2), l.Start.Add(d)
	return nil
}

// routes obeys RFC 3442: a client that understands option 121 must ignore
// option 3 if both are there.
func routes(m *dhcpv4.DHCPv4) []Route {
	if classless := m.ClasslessStaticRoute(); classless != nil {
		return classlessRoutes(classless)
	}
	for _, router := range hostAddrs(m.Router()) { // in order of preference
		return []Route{{netip.PrefixFrom(netip.IPv4Unspecified(), 0), router}}
	}
	return nil
}

func classlessRoutes(classless []*dhcpv4.Route) []Route {
	var out []Route
	for _, r := range classless {
		dst, ok := netip.AddrFromSlice(r.Dest.IP)
		if !ok {
			continue
		}
		ones, _ := r.Dest.Mask.Size()
		route := Route{Dst: netip.PrefixFrom(dst, ones).Masked()} // "MUST deposit", RFC 3442
		if !r.Router.IsUnspecified() {
			if route.Via, ok = hostAddr(r.Router); !ok {
				continue
			}
		}
		out = append(out, route)
	}
	return out
}

// hostAddr accepts what can be one host's address: its own, a router's, a
// server's.
func hostAddr(ip net.IP) (netip.Addr, bool) {
	addr, ok := netip.AddrFromSlice(ip.To4())
	ok = ok && !addr.IsUnspecified() && !addr.IsLoopback() && !addr.IsMulticast() && addr.As4()[0] < 240 && addr.As4()[0] > 0
	return addr, ok
}

func hostAddrs(ips []net.IP) []netip.Addr {
	var out []netip.Addr
	for _, ip := range ips {
		if addr, ok := hostAddr(ip); ok {
			out = append(out, addr)
		}
	}
	return out
}

// domainName is the name without its final dot, or empty if it is none. Names
// end up in resolv.conf, where a newline or a blank of a rogue server would be
// a directive of its own.
func domainName(s string) string {
	s = strings.TrimSuffix(strings.TrimRight(s, "\x00"), ".")
	if len(s) > 253 {
		return ""
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notLetter) {
			return ""
		}
	}
	return s
}

// notLetter allows the underscore too: it is common in private zones.
func notLetter(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
