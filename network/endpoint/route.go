package endpoint

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// defaultRoute leads everything else through the gateway. A gateway that is in
// none of the leg's subnets is on the link all the same.
func (d *device) defaultRoute(in *netlink.Handle, gateway netip.Addr, chosen bool) error {
	if !gateway.IsValid() || !chosen {
		return nil
	}
	if err := in.RouteAdd(d.defaultVia(gateway)); err != nil {
		return fmt.Errorf("add default route through %s: %w", gateway, err)
	}
	return nil
}

func (d *device) defaultVia(gateway netip.Addr) *netlink.Route {
	route := &netlink.Route{LinkIndex: d.link.Attrs().Index, Gw: gateway.AsSlice()}
	if !onLink(d.ep.Addrs, gateway) {
		route.SetFlag(netlink.FLAG_ONLINK)
	}
	return route
}

func onLink(addrs []netip.Prefix, gateway netip.Addr) bool {
	for _, p := range addrs {
		if p.Contains(gateway) {
			return true
		}
	}
	return false
}
