package view

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/dhcp"
	"github.com/mvrun/mvrun/runtime/container"
)

// endpointAddrs are a leg's addresses: those it was given for good, and those that
// are leased, or by a router, at the moment.
func endpointAddrs(cont *container.Container, ep network.Endpoint) []netip.Prefix {
	at := attachment(cont, ep)
	addrs := slices.Concat(ep.Addrs, at.SLAAC)
	if at.Lease != nil {
		addrs = append([]netip.Prefix{at.Lease.Addr}, addrs...)
	}
	return addrs
}

func endpointLease(cont *container.Container, ep network.Endpoint) *dhcp.Lease {
	return attachment(cont, ep).Lease
}

// attachment is the leg as it stands; empty if it does not.
func attachment(cont *container.Container, ep network.Endpoint) network.Attachment {
	for _, at := range cont.State.Attachments {
		if at.IfName == ep.IfName {
			return at
		}
	}
	return network.Attachment{}
}

// networkMark is what is wrong with the network of a container that is up, for
// ps: " (address conflict)", or nothing.
func networkMark(cont *container.Container) string {
	if !cont.State.Status.Live() {
		return ""
	}
	var marks []string
	if len(cont.State.Conflicts) > 0 {
		marks = append(marks, "address conflict")
	}
	for _, ep := range cont.Config.Network.Endpoints {
		if ep.DHCP && endpointLease(cont, ep) == nil && cont.State.Status != container.Restarting {
			marks = append(marks, "no lease on "+ep.IfName)
		}
	}
	if len(marks) == 0 {
		return ""
	}
	return " (" + strings.Join(marks, ", ") + ")"
}

// networkSettings are a container's networks; the first stands for all where Docker has
// room for one.
func networkSettings(cont *container.Container) NetworkSettings {
	v := NetworkSettings{Ports: map[string]any{}, Networks: map[string]Endpoint{}}
	if cont.State.Status.Live() && cont.Config.Network.Mode != "host" {
		v.SandboxID = cont.Config.ID
		v.SandboxKey = "/proc/" + strconv.Itoa(cont.State.Init.Pid) + "/ns/net"
	}
	if len(cont.Config.Network.Endpoints) == 0 {
		v.Networks[cont.Config.Network.Mode] = Endpoint{}
	}
	for i, ep := range cont.Config.Network.Endpoints {
		e := Endpoint{MacAddress: ep.MAC, NetworkID: ep.NetworkID, EndpointID: ep.ID}
		if ep.Gateway.IsValid() {
			e.Gateway = ep.Gateway.String()
		}
		if ep.Gateway6.IsValid() {
			e.IPv6Gateway = ep.Gateway6.String()
		}
		if lease := endpointLease(cont, ep); lease != nil && lease.Gateway().IsValid() && !ep.Internal {
			e.Gateway = lease.Gateway().String()
		}
		for _, a := range endpointAddrs(cont, ep) {
			if a.Addr().Is4() {
				e.IPAddress, e.IPPrefixLen = a.Addr().String(), a.Bits()
			} else {
				e.GlobalIPv6Address, e.GlobalIPv6PrefixLen = a.Addr().String(), a.Bits()
			}
		}
		e.IPAMConfig = &EndpointIPAM{IPv4Address: e.IPAddress}
		e.Aliases, e.GwPriority = ep.Aliases, ep.GwPriority
		e.DNSNames = append(append([]string{cont.Config.Name}, ep.Aliases...), container.ShortID(cont.Config.ID))
		v.Networks[ep.Network] = e
		if i == 0 {
			v.Gateway, v.IPAddress, v.IPPrefixLen, v.MacAddress = e.Gateway, e.IPAddress, e.IPPrefixLen, e.MacAddress
			v.IPv6Gateway, v.GlobalIPv6Address, v.GlobalIPv6PrefixLen = e.IPv6Gateway, e.GlobalIPv6Address, e.GlobalIPv6PrefixLen
			v.EndpointID = e.EndpointID
		}
	}
	return v
}
