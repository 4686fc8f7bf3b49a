// Package etcfiles renders the files of a container's /etc that belong to its
// network: hosts, with the neighbours on its networks, and resolv.conf.
package etcfiles

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// HostEntry is one line of /etc/hosts.
type HostEntry struct {
	Name string     `json:"name"`
	Addr netip.Addr `json:"addr"`
}

// Hosts is what a container's /etc/hosts says.
type Hosts struct {
	Hostname   string
	Domainname string
	Addrs      []netip.Addr // the container's own
	Extra      []HostEntry  // what the user added
}

const standardHosts = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::	ip6-localnet
ff00::	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`

// HostsFile renders /etc/hosts.
func HostsFile(h Hosts) []byte {
	var b bytes.Buffer
	b.WriteString(standardHosts)
	for _, e := range h.Extra {
		fmt.Fprintf(&b, "%s\t%s\n", e.Addr, e.Name)
	}
	names := h.Hostname
	if h.Domainname != "" {
		names = h.Hostname + "." + h.Domainname + " " + h.Hostname
	}
	for _, a := range h.Addrs {
		if names != "" {
			fmt.Fprintf(&b, "%s\t%s\n", a, names)
		}
	}
	return b.Bytes()
}

// ParseAddHost reads a line for /etc/hosts, NAME:ADDRESS or NAME=ADDRESS; an
// IPv6 address may be in brackets. An error does not repeat the whole of s.
func ParseAddHost(s string) (HostEntry, error) {
	name, value, found := strings.Cut(s, "=")
	if !found {
		name, value, found = strings.Cut(s, ":")
	}
	if !found || name == "" || strings.ContainsAny(name, " \t\r\n#") {
		return HostEntry{}, errors.New("write it as NAME:ADDRESS")
	}
	if value == "host-gateway" {
		return HostEntry{}, errors.New("containers on a VLAN have no way to this host through itself: give the host's address on the LAN")
	}
	if inner, ok := strings.CutPrefix(value, "["); ok {
		value = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(value)
	if err != nil {
		return HostEntry{}, fmt.Errorf("%q is not an IP address", value)
	}
	return HostEntry{name, addr}, nil
}
