package etcfiles

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/mvrun/mvrun/network/dhcp"
)

// DNS is what the command line said about name resolution. An empty list
// means: as the host has it.
type DNS struct {
	Servers []netip.Addr `json:"servers,omitempty"`
	Search  []string     `json:"search,omitempty"` // "." alone: no search list
	Options []string     `json:"options,omitempty"`
}

// ParseDNS checks name servers, the search list and options as they are typed.
func ParseDNS(servers, search, options []string) (DNS, error) {
	dns := DNS{Search: search, Options: options}
	for _, s := range servers {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return DNS{}, fmt.Errorf("name server %s: it is not an IP address", s)
		}
		dns.Servers = append(dns.Servers, addr)
	}
	for _, word := range slices.Concat(search, options) {
		if word == "" || strings.ContainsAny(word, " \t\r\n#;") {
			return DNS{}, fmt.Errorf("search list or options of name resolution: %q is not one word", word)
		}
	}
	return dns, nil
}

// ResolvConf renders /etc/resolv.conf: the host's, with what the command line
// says in place of the host's. Servers on the host's loopback are left out:
// the container's loopback is another one, and nobody listens there.
func ResolvConf(host []byte, dns DNS) []byte {
	own := parseResolv(host)
	if len(dns.Servers) > 0 {
		own.Servers = dns.Servers
	}
	if len(dns.Search) > 0 {
		own.Search = slices.DeleteFunc(slices.Clone(dns.Search), func(s string) bool { return s == "." })
	}
	if len(dns.Options) > 0 {
		own.Options = dns.Options
	}
	var b bytes.Buffer
	for _, s := range own.Servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if len(own.Search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(own.Search, " "))
	}
	if len(own.Options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(own.Options, " "))
	}
	return b.Bytes()
}

// parseResolv reads resolv.conf(5); of several search lines the last one
// holds, options add up.
func parseResolv(data []byte) DNS {
	var dns DNS
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(fields[1]); err == nil && !a.Unmap().IsLoopback() {
				dns.Servers = append(dns.Servers, a)
			}
		case "search", "domain":
			dns.Search = fields[1:]
		case "options":
			dns.Options = append(dns.Options, fields[1:]...)
		}
	}
	return dns
}

// HostResolvConf reads the host's resolv.conf. Where systemd-resolved stands
// in between, on a loopback address, it is the file with the servers behind.
// A host without one has an empty one.
func HostResolvConf() ([]byte, error) {
	data, err := os.ReadFile("/etc/resolv.conf")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read resolv.conf: %w", err)
	}
	if strings.Contains(string(data), "127.0.0.53") && len(parseResolv(data).Servers) == 0 {
		if behind, err := os.ReadFile("/run/systemd/resolve/resolv.conf"); err == nil {
			return behind, nil
		}
	}
	return data, nil
}

// Or fills what the command line left open with what a DHCP server said
// (options 6, 119 and 15).
func (d DNS) Or(lease *dhcp.Lease) DNS {
	if lease == nil {
		return d
	}
	if len(d.Servers) == 0 {
		d.Servers = lease.DNS
	}
	if len(d.Search) == 0 {
		d.Search = lease.Search
		if len(d.Search) == 0 && lease.Domain != "" {
			d.Search = []string{lease.Domain}
		}
	}
	return d
}
