package network

// Lead gives the default route of each family to one leg: among those that
// have a way out, the one with the highest priority, and of several the first.
func Lead(eps []Endpoint) {
	lead, lead6 := -1, -1
	for i := range eps {
		ep := &eps[i]
		ep.Default, ep.Default6 = false, false
		if ep.leadsOut() && (lead < 0 || ep.GwPriority > eps[lead].GwPriority) {
			lead = i
		}
		if ep.leadsOut6() && (lead6 < 0 || ep.GwPriority > eps[lead6].GwPriority) {
			lead6 = i
		}
	}
	if lead >= 0 {
		eps[lead].Default = true
	}
	if lead6 >= 0 {
		eps[lead6].Default6 = true
	}
}

// leadsOut: where the LAN's server gives the address, it names the way.
func (ep *Endpoint) leadsOut() bool {
	return ep.Gateway.IsValid() || ep.DHCP && !ep.Internal
}

// leadsOut6: where routers are to be heard, one of them may be the way.
func (ep *Endpoint) leadsOut6() bool {
	return ep.Gateway6.IsValid() || ep.IPv6 == SLAAC && !ep.Internal
}
