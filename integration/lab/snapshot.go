package lab

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// Snapshot describes the namespace as text: links with what can be set on
// them, addresses, routes, queueing disciplines and filters. Two snapshots are
// equal when nothing was left and nothing that was there is gone or changed.
func (n *Netns) Snapshot() string {
	n.t.Helper()
	links, err := n.Link.LinkList()
	if err != nil {
		n.t.Fatalf("list links: %v", err)
	}
	var lines []string
	for _, link := range links {
		lines = append(lines, n.describe(link)...)
	}
	routes, err := n.Link.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		n.t.Fatalf("list routes: %v", err)
	}
	for _, r := range routes {
		lines = append(lines, fmt.Sprintf("route %v via %v dev %d", r.Dst, r.Gw, r.LinkIndex))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (n *Netns) describe(link netlink.Link) []string {
	a := link.Attrs()
	lines := []string{fmt.Sprintf("link %s: %s mtu %d mac %s %v promisc %d allmulti %d",
		a.Name, link.Type(), a.MTU, a.HardwareAddr, a.Flags&^net.FlagRunning, a.Promisc, a.Allmulti)}
	addrs, _ := n.Link.AddrList(link, netlink.FAMILY_ALL)
	for _, addr := range addrs {
		lines = append(lines, fmt.Sprintf("address %s: %s", a.Name, addr.IPNet))
	}
	qdiscs, _ := n.Link.QdiscList(link)
	for _, q := range qdiscs {
		lines = append(lines, fmt.Sprintf("qdisc %s: %s", a.Name, q.Type()))
	}
	for _, hook := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS, netlink.HANDLE_ROOT} {
		filters, _ := n.Link.FilterList(link, hook)
		for _, f := range filters {
			lines = append(lines, fmt.Sprintf("filter %s: %s prio %d hook %x", a.Name, f.Type(), f.Attrs().Priority, hook))
		}
	}
	return lines
}

// LinksOfType lists the names of the namespace's links of a type, sorted.
func (n *Netns) LinksOfType(types ...string) []string {
	n.t.Helper()
	links, err := n.Link.LinkList()
	if err != nil {
		n.t.Fatalf("list links: %v", err)
	}
	var names []string
	for _, link := range links {
		if slices.Contains(types, link.Type()) {
			names = append(names, link.Attrs().Name)
		}
	}
	slices.Sort(names)
	return names
}

// SubInterfaces lists the VLAN links of the host, made by either driver.
func (h *Host) SubInterfaces() []string {
	h.t.Helper()
	return h.LinksOfType("vlan", "ifb")
}
