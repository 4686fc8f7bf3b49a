package store

import (
	"fmt"
	"net/netip"
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

// readAddresses makes wants of the requests of both families.
func (l *leg) readAddresses() error {
	four, six, err := l.Addresses()
	if err != nil {
		return err
	}
	l.IP, l.IP6 = four, six
	for i, r := range []network.AddressRequest{four, six} {
		if r.Word == "" {
			l.wants = append(l.wants, want{addr: r.Addr, bits: r.Bits, v6: i == 1})
		}
	}
	return nil
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
	switch {
	case l.IP6.Word == network.SLAAC || l.IP6.Word == network.LinkLocal:
		l.ep.IPv6 = l.IP6.Word
	case l.IP6.Word == "":
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
