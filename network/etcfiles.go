package network

import "net/netip"

// HostEntry is one line of /etc/hosts.
type HostEntry struct {
	Name string
	Addr netip.Addr
}

// Hosts is what a container's /etc/hosts says.
type Hosts struct {
	Hostname   string
	Domainname string
	Addrs      []netip.Addr // the container's own
	Extra      []HostEntry  // --add-host
}

// DNS is what the command line said about name resolution. An empty list
// means: as the host has it.
type DNS struct {
	Servers []netip.Addr
	Search  []string // "." alone: no search list
	Options []string
}

func ParseAddHost(s string) (HostEntry, error)                            { return HostEntry{}, errTodo }
func ParseDNS(servers, search, options []string) (DNS, error)             { return DNS{}, errTodo }
func HostsFile(h Hosts) []byte                                            { return nil }
func ResolvConf(host []byte, dns DNS) []byte                              { return nil }
func HostResolvConf() ([]byte, error)                                     { return nil, errTodo }
