package main

import (
	"net/netip"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
)

// legAddrs are a leg's addresses: those it was given for good, and the one that
// is leased at the moment.
func legAddrs(cont *runtime.Container, ep network.Endpoint) []netip.Prefix {
	if lease := legLease(cont, ep); lease != nil {
		return append([]netip.Prefix{lease.Addr}, ep.Addrs...)
	}
	return ep.Addrs
}

func legLease(cont *runtime.Container, ep network.Endpoint) *network.Lease {
	for _, at := range cont.State.Attachments {
		if at.IfName == ep.IfName {
			return at.Lease
		}
	}
	return nil
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
