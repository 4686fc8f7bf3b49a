package etcfiles

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/network/dhcp"
)

func TestHostsFile(t *testing.T) {
	got := string(HostsFile(Hosts{
		Hostname: "bbox1", Domainname: "lab", Addrs: []netip.Addr{ip("172.16.10.10"), ip("fd00::5")},
		Extra: []HostEntry{{"nas", ip("172.16.10.9")}},
	}))
	want := standardHosts + "172.16.10.9\tnas\n172.16.10.10\tbbox1.lab bbox1\nfd00::5\tbbox1.lab bbox1\n"
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if got := string(HostsFile(Hosts{Hostname: "x"})); got != standardHosts {
		t.Errorf("without an address:\n%s", got)
	}
}

func TestParseAddHost(t *testing.T) {
	for s, want := range map[string]HostEntry{
		"nas:172.16.10.9": {"nas", ip("172.16.10.9")}, "nas=172.16.10.9": {"nas", ip("172.16.10.9")},
		"six:fd00::1": {"six", ip("fd00::1")}, "six=[fd00::1]": {"six", ip("fd00::1")}, "six:[fd00::1]": {"six", ip("fd00::1")},
	} {
		if got, err := ParseAddHost(s); got != want || err != nil {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"nas": "NAME:ADDRESS", ":1.2.3.4": "NAME:ADDRESS", "a b:1.2.3.4": "NAME:ADDRESS", "a\nb:1.2.3.4": "NAME:ADDRESS",
		"nas:nope": "not an IP address", "nas:": "not an IP address", "h:host-gateway": "no way to this host",
	} {
		_, err := ParseAddHost(s)
		wants(t, s, err, want)
	}
}

func TestResolvConf(t *testing.T) {
	host := "# made by hand\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\nnameserver 2001:db8::1\nsearch lan example.org\noptions edns0 trust-ad\n"
	for _, c := range []struct {
		name, host string
		dns        DNS
		want       string
	}{
		{"host's", host, DNS{}, "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch lan example.org\noptions edns0 trust-ad\n"},
		{"own servers", host, DNS{Servers: []netip.Addr{ip("9.9.9.9")}}, "nameserver 9.9.9.9\nsearch lan example.org\noptions edns0 trust-ad\n"},
		{"a loopback server that was asked for", host, DNS{Servers: []netip.Addr{ip("127.0.0.1")}}, "nameserver 127.0.0.1\nsearch lan example.org\noptions edns0 trust-ad\n"},
		{"no search", host, DNS{Search: []string{"."}}, "nameserver 192.0.2.1\nnameserver 2001:db8::1\noptions edns0 trust-ad\n"},
		{"all own", host, DNS{[]netip.Addr{ip("9.9.9.9")}, []string{"a", "b"}, []string{"ndots:2"}}, "nameserver 9.9.9.9\nsearch a b\noptions ndots:2\n"},
		{"none left", "nameserver 127.0.0.1\n", DNS{}, ""},
		{"domain", "domain old\nsearch new\n", DNS{}, "search new\n"},
		{"empty", "", DNS{}, ""},
	} {
		if got := string(ResolvConf([]byte(c.host), c.dns)); got != c.want {
			t.Errorf("%s:\n%swant:\n%s", c.name, got, c.want)
		}
	}
}

func TestParseDNS(t *testing.T) {
	_, err := ParseDNS([]string{"dns.example"}, nil, nil)
	wants(t, "server", err, "not an IP address")
	_, err = ParseDNS(nil, []string{"a b"}, nil)
	wants(t, "search", err, "not one word")
	_, err = ParseDNS(nil, nil, []string{"x\nnameserver 6.6.6.6"})
	wants(t, "option", err, "not one word")
	_, err = ParseDNS([]string{"fd00::53", "10.0.0.53"}, []string{"."}, []string{"ndots:1"})
	wants(t, "good", err, "")
}

// Whatever a host's file holds: what a container gets can be read again as the
// same, and has no server on a loopback.
func FuzzResolvConf(f *testing.F) {
	f.Add("nameserver 127.0.0.53\nsearch a b\noptions x\n")
	f.Add("domain \x00\n\nnameserver fe80::1%eth0")
	f.Fuzz(func(t *testing.T, host string) {
		once := ResolvConf([]byte(host), DNS{})
		if twice := ResolvConf(once, DNS{}); string(once) != string(twice) {
			t.Errorf("%q, then %q", once, twice)
		}
		if strings.Contains(string(once), "nameserver 127.") {
			t.Errorf("loopback server: %q", once)
		}
	})
}

func TestDNSOrLease(t *testing.T) {
	lease := &dhcp.Lease{DNS: []netip.Addr{ip("10.0.0.53")}, Domain: "lan.example"}
	searching := &dhcp.Lease{Domain: "lan.example", Search: []string{"a.example", "b.example"}}
	mine := DNS{Servers: []netip.Addr{ip("9.9.9.9")}, Search: []string{"mine.example"}}
	for _, c := range []struct {
		name  string
		dns   DNS
		lease *dhcp.Lease
		want  DNS
	}{
		{"no lease", DNS{}, nil, DNS{}},
		{"the server's", DNS{}, lease, DNS{Servers: lease.DNS, Search: []string{"lan.example"}}},
		{"a list goes before a domain", DNS{}, searching, DNS{Search: searching.Search}},
		{"the user's go first", mine, lease, mine},
	} {
		got := c.dns.Or(c.lease)
		if !slices.Equal(got.Servers, c.want.Servers) || !slices.Equal(got.Search, c.want.Search) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// wants checks that the error says want, or that there is none for "".
func wants(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want …%s…", name, err, want)
	}
}
