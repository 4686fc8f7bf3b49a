package ipam

import (
	"fmt"
	"net/netip"
	"strings"
)

// Parse puts the values of --subnet, --gateway, --ip-range and --aux-address
// together: each of the latter belongs to the subnet that it is in, and a
// gateway that is in none to the only one of its family.
func Parse(subnets, gateways, ranges, aux []string) ([]Subnet, error) {
	var all []Subnet
	for _, s := range subnets {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("--subnet %s: write it as 172.16.10.0/24", s)
		}
		all = append(all, Subnet{Prefix: p})
	}
	for _, add := range []struct {
		values []string
		to     func([]Subnet, string) error
	}{{ranges, addRange}, {gateways, addGateway}, {aux, addAux}} {
		for _, v := range add.values {
			if err := add.to(all, v); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func addRange(all []Subnet, v string) error {
	r, err := netip.ParsePrefix(v)
	if err != nil {
		return fmt.Errorf("--ip-range %s: write it as 172.16.10.128/25", v)
	}
	sub := containing(all, r.Addr())
	switch {
	case sub == nil:
		return fmt.Errorf("--ip-range %s is in no --subnet", v)
	case sub.IPRange.IsValid():
		return fmt.Errorf("--ip-range %s and %s are for the same subnet %s", sub.IPRange, v, sub.Prefix)
	}
	sub.IPRange = r
	return nil
}

func addGateway(all []Subnet, v string) error {
	if v == "none" {
		return noGateway(all)
	}
	g, err := netip.ParseAddr(v)
	if err != nil || g.Zone() != "" {
		return fmt.Errorf("--gateway %s: it is not an IP address", v)
	}
	sub := containing(all, g)
	if sub == nil {
		sub = onlyOfFamily(all, g)
	}
	switch {
	case sub == nil:
		return fmt.Errorf("--gateway %s is in no --subnet", v)
	case sub.Gateway.IsValid():
		return fmt.Errorf("--gateway %s and %s are for the same subnet %s", sub.Gateway, v, sub.Prefix)
	}
	sub.Gateway, sub.NoGateway = g, false
	return nil
}

// noGateway marks the subnets that no --gateway is for.
func noGateway(all []Subnet) error {
	if len(all) == 0 {
		return fmt.Errorf("--gateway none: give the --subnet, too")
	}
	for i := range all {
		all[i].NoGateway = !all[i].Gateway.IsValid()
	}
	return nil
}

func addAux(all []Subnet, v string) error {
	name, value, found := strings.Cut(v, "=")
	a, err := netip.ParseAddr(value)
	if !found || name == "" || err != nil {
		return fmt.Errorf("--aux-address %s: write it as NAME=172.16.10.5", v)
	}
	sub := containing(all, a)
	if sub == nil {
		return fmt.Errorf("--aux-address %s is in no --subnet", v)
	}
	sub.Keep(name, a)
	return nil
}

func containing(all []Subnet, a netip.Addr) *Subnet {
	for i := range all {
		if all[i].Prefix.Contains(a) {
			return &all[i]
		}
	}
	return nil
}

func onlyOfFamily(all []Subnet, a netip.Addr) (only *Subnet) {
	for i := range all {
		if all[i].Prefix.Addr().Is4() != a.Is4() {
			continue
		}
		if only != nil {
			return nil
		}
		only = &all[i]
	}
	return only
}
