package endpoint

import (
	"errors"
	"io/fs"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// settings are those that must precede link-up: a router's advertisement may
// come in the same moment.
func (d *device) settings() error {
	if !d.ep.HasIPv6() {
		return d.ns.Do(func() error { return trunk.DisableIPv6(d.ep.IfName) })
	}
	return d.ns.Do(func() error {
		var errs []error
		for _, s := range ipv6Settings(d.ep) {
			errs = append(errs, trunk.SetSysctl("ipv6", d.ep.IfName, s.key, s.value))
		}
		err := errors.Join(errs...)
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("IPv6 is asked for, and this kernel has none (CONFIG_IPV6, or ipv6.disable=1)")
		}
		return err
	})
}

type setting struct{ key, value string }

// ipv6Settings leave nothing to the kernel's or the image's defaults. The
// interface identifier is the MAC address's (RFC 4862, not RFC 7217 or 8981):
// that is stable, and so is then the address. accept_ra 2 hears routers also
// in a container that forwards.
func ipv6Settings(ep network.Endpoint) []setting {
	hears, leads := "0", "0"
	if ep.IPv6 == network.SLAAC {
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
