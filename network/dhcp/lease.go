package dhcp

import (
	"net/netip"
	"reflect"
	"time"
)

// Lease is what a server granted, as plain values. It can be kept as JSON and
// handed to the next Client as Prior.
type Lease struct {
	Addr   netip.Prefix `json:"addr"`             // with the length of the subnet
	Routes []Route      `json:"routes,omitempty"` // option 121, else the default route of option 3
	DNS    []netip.Addr `json:"dns,omitempty"`
	Domain string       `json:"domain,omitempty"` // option 15; a valid host name, like each of Search
	Search []string     `json:"search,omitempty"` // option 119
	NTP    []netip.Addr `json:"ntp,omitempty"`
	MTU    int          `json:"mtu,omitempty"` // 0: the server named none

	Server    netip.Addr `json:"server"`
	ServerMAC string     `json:"serverMAC,omitempty"` // next hop to the server, its own or a router's

	Start  time.Time `json:"start"`
	Renew  time.Time `json:"renew,omitzero"` // T1; the three are zero for a lease without end
	Rebind time.Time `json:"rebind,omitzero"`
	Expire time.Time `json:"expire,omitzero"`
}

// Route is one route to install. Without Via the destination is on the link.
type Route struct {
	Dst netip.Prefix `json:"dst"`
	Via netip.Addr   `json:"via,omitzero"`
}

// Gateway is the next hop of the default route; not valid if there is none.
func (l Lease) Gateway() netip.Addr {
	for _, r := range l.Routes {
		if r.Dst.Bits() == 0 {
			return r.Via
		}
	}
	return netip.Addr{}
}

// Valid says whether the lease may be used at a time.
func (l Lease) Valid(at time.Time) bool {
	return l.Addr.IsValid() && (l.Expire.IsZero() || at.Before(l.Expire))
}

func (l Lease) until() string {
	if l.Expire.IsZero() {
		return "no end"
	}
	return l.Expire.Format(time.RFC3339)
}

// sameConfig says whether both leases configure the interface alike.
func (l Lease) sameConfig(o Lease) bool {
	for _, x := range []*Lease{&l, &o} {
		x.Server, x.ServerMAC = netip.Addr{}, ""
		x.Start, x.Renew, x.Rebind, x.Expire = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	}
	return reflect.DeepEqual(l, o)
}
