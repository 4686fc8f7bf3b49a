package network

import (
	"errors"
	"io/fs"
)

// settings are those that must precede link-up: a router's advertisement may
// come in the same moment.
func (a *attaching) settings() error {
	if !a.ep.hasIPv6() {
		return a.ns.Do(func() error { return noIPv6(a.ep.IfName) })
	}
	return a.ns.Do(func() error {
		var errs []error
		for _, s := range a.ep.ipv6Settings() {
			errs = append(errs, setSysctl("ipv6", a.ep.IfName, s.key, s.value))
		}
		err := errors.Join(errs...)
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("IPv6 is asked for, and this kernel has none (CONFIG_IPV6, or ipv6.disable=1)")
		}
		return err
	})
}

func (ep *Endpoint) hasIPv6() bool {
	if ep.IPv6 != "" {
		return true
	}
	for _, addr := range ep.Addrs {
		if addr.Addr().Is6() {
			return true
		}
	}
	return false
}

type setting struct{ key, value string }

// ipv6Settings leave nothing to the kernel's or the image's defaults. The
// interface identifier is the MAC address's (RFC 4862, not RFC 7217 or 8981):
// that is stable, and so is then the address. accept_ra 2 hears routers also
// in a container that forwards.
func (ep *Endpoint) ipv6Settings() []setting {
	hears, leads := "0", "0"
	if ep.IPv6 == SLAAC {
		hears = "2"
	}
	if ep.Default6 {
		leads = "1"
	}
	return []setting{
		{"accept_ra", hears},
		{"accept_ra_defrtr", leads},
		{"accept_ra_pinfo", "1"},
		{"autoconf", map[string]string{"0": "0", "2": "1"}[hears]},
		{"use_tempaddr", "0"},
		{"addr_gen_mode", "0"},
		{"disable_ipv6", "0"},
	}
}
