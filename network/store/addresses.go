package store

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/network"
)

// want is one address that a leg is to have.
type want struct {
	addr netip.Addr // invalid: to be chosen
	bits int        // prefix length; 0: the subnet's
	v6   bool
}

func (w want) auto() bool { return !w.addr.IsValid() }

// readAddresses reads --ip and --ip6, each family by its own word.
func (l *leg) readAddresses() error {
	four, err := l.readIPv4()
	if err != nil {
		return err
	}
	six, err := l.readIPv6()
	if err != nil {
		return err
	}
	l.wants = append(four, six...)
	return nil
}

// readIPv4 reads --ip. An IPv6 address there is --ip6's.
func (l *leg) readIPv4() ([]want, error) {
	switch l.IP {
	case "":
		return []want{{}}, nil
	case network.None:
		if l.IP6 == "" {
			l.IP6 = network.None // none at all, unless one is asked for
		}
		return nil, nil
	case network.DHCP:
		return nil, nil
	}
	w, err := parseAddress(l.IP)
	if err != nil {
		return nil, fmt.Errorf("--ip %s: %w", l.IP, err)
	}
	if !w.v6 {
		return []want{w}, nil
	}
	if l.IP6 != "" {
		return nil, fmt.Errorf("--ip %s and --ip6 %s: --ip is the IPv4 address", l.IP, l.IP6)
	}
	l.IP, l.IP6 = "", l.IP
	return []want{{}}, nil
}

func (l *leg) readIPv6() ([]want, error) {
	switch l.IP6 {
	case "":
		return []want{{v6: true}}, nil
	case network.None, network.SLAAC, network.LinkLocal:
		return nil, nil
	}
	w, err := parseAddress(l.IP6)
	if err == nil && !w.v6 {
		err = fmt.Errorf("it is an IPv6 address: give %s to --ip", w.addr)
	}
	if err != nil {
		return nil, fmt.Errorf("--ip6 %s: %w", l.IP6, err)
	}
	return []want{w}, nil
}

func parseAddress(s string) (want, error) {
	host, length, sized := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.Is4In6() {
		return want{}, fmt.Errorf("it is an address such as 172.16.10.10, 172.16.10.10/24 or fd00::10/64, dhcp, or none")
	}
	w := want{addr: addr, v6: addr.Is6()}
	if !sized {
		return w, nil
	}
	w.bits, err = strconv.Atoi(length)
	if err != nil || w.bits < 1 || w.bits > addr.BitLen() {
		return want{}, fmt.Errorf("the prefix length of an address like that is a number from 1 to %d", addr.BitLen())
	}
	return w, nil
}

// asked are the addresses that the user named.
func (l *leg) asked() (addrs []netip.Addr) {
	for _, w := range l.wants {
		if !w.auto() {
			addrs = append(addrs, w.addr)
		}
	}
	return addrs
}

// decideAddresses finds each address's place, and drops the wish for an
// automatic one where the network has none to give.
func (l *leg) decideAddresses() error {
	var wants []want
	for _, w := range l.wants {
		if w.auto() {
			if len(l.pools(w.v6)) > 0 {
				wants = append(wants, w)
			}
			continue
		}
		if err := l.place(&w); err != nil {
			return err
		}
		wants = append(wants, w)
	}
	l.wants = wants
	switch l.IP6 {
	case network.SLAAC, network.LinkLocal:
		l.ep.IPv6 = l.IP6
	case "":
		l.ep.IPv6 = l.net.IPv6
	}
	return nil
}

// place finds the subnet that the address asked for is in.
func (l *leg) place(w *want) error {
	if len(l.net.Subnets) == 0 {
		return l.placeAnywhere(w)
	}
	var prefixes []string
	for _, sub := range l.net.Subnets {
		prefixes = append(prefixes, sub.Prefix.String())
		if !sub.Prefix.Contains(w.addr) {
			continue
		}
		if w.bits != 0 && w.bits != sub.Prefix.Bits() {
			return fmt.Errorf("address %s/%d: the subnet is %s: leave out /%d", w.addr, w.bits, sub.Prefix, w.bits)
		}
		return l.in(w, sub)
	}
	return fmt.Errorf("address %s is not in subnet %s", w.addr, strings.Join(prefixes, " or "))
}

func (l *leg) in(w *want, sub network.Subnet) error {
	if err := sub.Check(w.addr); err != nil {
		return err
	}
	w.bits = sub.Prefix.Bits()
	l.through(sub)
	return nil
}

// through gives the leg the subnet's gateway.
func (l *leg) through(sub network.Subnet) {
	switch {
	case l.net.Internal || !sub.Gateway.IsValid():
	case sub.Gateway.Is4():
		l.ep.Gateway = sub.Gateway
	default:
		l.ep.Gateway6 = sub.Gateway
	}
}
