package main

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

// legAddrs are a leg's addresses: those it was given for good, and those that
// are leased, or by a router, at the moment.
func legAddrs(cont *runtime.Container, ep network.Endpoint) []netip.Prefix {
	at := legAttachment(cont, ep)
	addrs := slices.Concat(ep.Addrs, at.SLAAC)
	if at.Lease != nil {
		addrs = append([]netip.Prefix{at.Lease.Addr}, addrs...)
	}
	return addrs
}

func legLease(cont *runtime.Container, ep network.Endpoint) *network.Lease {
	return legAttachment(cont, ep).Lease
}

// legAttachment is the leg as it stands; empty if it does not.
func legAttachment(cont *runtime.Container, ep network.Endpoint) network.Attachment {
	for _, at := range cont.State.Attachments {
		if at.IfName == ep.IfName {
			return at
		}
	}
	return network.Attachment{}
}

// networkMark is what is wrong with the network of a container that is up, for
// ps: " (address conflict)", or nothing.
func networkMark(cont *runtime.Container) string {
	if !cont.State.Status.Live() {
		return ""
	}
	var marks []string
	if len(cont.State.Conflicts) > 0 {
		marks = append(marks, "address conflict")
	}
	for _, ep := range cont.Config.Network.Endpoints {
		if ep.DHCP && legLease(cont, ep) == nil && cont.State.Status != runtime.Restarting {
			marks = append(marks, "no lease on "+ep.IfName)
		}
	}
	if len(marks) == 0 {
		return ""
	}
	return " (" + strings.Join(marks, ", ") + ")"
}
