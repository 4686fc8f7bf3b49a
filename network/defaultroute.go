package network

// ChooseDefaultRoutes gives the default route of each family to one endpoint:
// among those that have a gateway, the one with the highest priority, and of
// several the first.
func ChooseDefaultRoutes(eps []Endpoint) {
	best, best6 := -1, -1
	for i := range eps {
		ep := &eps[i]
		ep.Default, ep.Default6 = false, false
		if ep.hasGateway() && (best < 0 || ep.GwPriority > eps[best].GwPriority) {
			best = i
		}
		if ep.hasGateway6() && (best6 < 0 || ep.GwPriority > eps[best6].GwPriority) {
			best6 = i
		}
	}
	if best >= 0 {
		eps[best].Default = true
	}
	if best6 >= 0 {
		eps[best6].Default6 = true
	}
}

// hasGateway: where the LAN's server gives the address, it names the way.
func (ep *Endpoint) hasGateway() bool {
	return ep.Gateway.IsValid() || ep.DHCP && !ep.Internal
}

// hasGateway6: where routers are to be heard, one of them may be the way.
func (ep *Endpoint) hasGateway6() bool {
	return ep.Gateway6.IsValid() || ep.IPv6 == SLAAC && !ep.Internal
}
