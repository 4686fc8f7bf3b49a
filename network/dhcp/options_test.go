package dhcp

import (
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

var compareAddrs = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

// ackWith is an acknowledgement with the least that makes a lease, changed by
// options; one without a value is removed.
func ackWith(options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	m := identity.message(dhcpv4.MessageTypeAck, dhcpv4.TransactionID{})
	m.OpCode = dhcpv4.OpcodeBootReply
	m.YourIPAddr = net.IPv4(10, 0, 0, 5).To4()
	m.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(24, 32)))
	m.UpdateOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 0, 0, 1)))
	m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Hour))
	for _, o := range options {
		if o.Value == nil {
			m.DeleteOption(o.Code)
		} else {
			m.UpdateOption(o)
		}
	}
	return m
}

func raw(code dhcpv4.OptionCode, b ...byte) dhcpv4.Option { return dhcpv4.OptGeneric(code, b) }
func without(code dhcpv4.OptionCode) dhcpv4.Option        { return dhcpv4.Option{Code: code} }
func leaseTime(d time.Duration) dhcpv4.Option             { return dhcpv4.OptIPAddressLeaseTime(d) }
func addr(s string) netip.Addr                            { return netip.MustParseAddr(s) }

func TestParseLease(t *testing.T) {
	defaultVia := func(via string) []Route {
		return []Route{{netip.MustParsePrefix("0.0.0.0/0"), addr(via)}}
	}
	tests := []struct {
		name    string
		options []dhcpv4.Option
		want    func(*Lease) // nil: refused
	}{
		{"the least", nil, func(*Lease) {}},
		{
			"router",
			[]dhcpv4.Option{dhcpv4.OptRouter(net.IPv4(10, 0, 0, 254), net.IPv4(10, 0, 0, 253))},
			func(l *Lease) { l.Routes = defaultVia("10.0.0.254") },
		},
		{
			"router that is none, then one",
			[]dhcpv4.Option{dhcpv4.OptRouter(net.IPv4zero, net.IPv4(10, 0, 0, 253))},
			func(l *Lease) { l.Routes = defaultVia("10.0.0.253") },
		},
		{"classless routes override the router (RFC 3442)", []dhcpv4.Option{
			dhcpv4.OptRouter(net.IPv4(10, 0, 0, 254)),
			raw(dhcpv4.OptionClasslessStaticRoute, 0, 10, 0, 0, 1, 20, 172, 16, 31, 10, 0, 0, 2, 24, 192, 168, 7, 0, 0, 0, 0),
		}, func(l *Lease) {
			l.Routes = append(defaultVia("10.0.0.1"),
				Route{netip.MustParsePrefix("172.16.16.0/20"), addr("10.0.0.2")},
				Route{netip.MustParsePrefix("192.168.7.0/24"), netip.Addr{}})
		}},
		{"a broken option 121 leaves the router", []dhcpv4.Option{
			dhcpv4.OptRouter(net.IPv4(10, 0, 0, 254)),
			raw(dhcpv4.OptionClasslessStaticRoute, 33, 10, 0, 0, 1),
		}, func(l *Lease) { l.Routes = defaultVia("10.0.0.254") }},
		{"names, servers, MTU", []dhcpv4.Option{
			dhcpv4.OptDNS(net.IPv4(10, 0, 0, 53), net.IPv4(127, 0, 0, 1), net.IPv4(9, 9, 9, 9)),
			dhcpv4.OptNTPServers(net.IPv4(10, 0, 0, 123)),
			dhcpv4.OptDomainName("lan.example.\x00"),
			raw(dhcpv4.OptionDNSDomainSearchList, []byte("\x01a\x07example\x00\x01b\xc0\x02")...),
			raw(dhcpv4.OptionInterfaceMTU, 0x05, 0x78),
		}, func(l *Lease) {
			l.DNS, l.NTP = []netip.Addr{addr("10.0.0.53"), addr("9.9.9.9")}, []netip.Addr{addr("10.0.0.123")}
			l.Domain, l.Search, l.MTU = "lan.example", []string{"a.example", "b.example"}, 1400
		}},
		{"names that would be lines of resolv.conf", []dhcpv4.Option{
			dhcpv4.OptDomainName("lan\nnameserver 6.6.6.6"),
			raw(dhcpv4.OptionDNSDomainSearchList, []byte("\x03a b\x00\x02ok\x00")...),
		}, func(l *Lease) { l.Search = []string{"ok"} }},
		{"an MTU that no link may have", []dhcpv4.Option{raw(dhcpv4.OptionInterfaceMTU, 0, 67)}, func(*Lease) {}},
		{"an MTU of three bytes", []dhcpv4.Option{raw(dhcpv4.OptionInterfaceMTU, 0, 5, 120)}, func(*Lease) {}},
		{
			"no mask: the class's",
			[]dhcpv4.Option{without(dhcpv4.OptionSubnetMask)},
			func(l *Lease) { l.Addr = netip.MustParsePrefix("10.0.0.5/8") },
		},
		{
			"T1 and T2 of the server",
			[]dhcpv4.Option{dhcpv4.OptRenewTimeValue(10 * time.Minute), dhcpv4.OptRebindingTimeValue(40 * time.Minute)},
			func(l *Lease) { l.Renew, l.Rebind = epoch.Add(10*time.Minute), epoch.Add(40*time.Minute) },
		},
		{"T2 after the end", []dhcpv4.Option{dhcpv4.OptRebindingTimeValue(2 * time.Hour)}, func(*Lease) {}},
		{"T1 after T2", []dhcpv4.Option{dhcpv4.OptRenewTimeValue(59 * time.Minute)}, func(*Lease) {}},
		{
			"no end",
			[]dhcpv4.Option{leaseTime(infinite)},
			func(l *Lease) { l.Renew, l.Rebind, l.Expire = time.Time{}, time.Time{}, time.Time{} },
		},
		{"no lease time", []dhcpv4.Option{without(dhcpv4.OptionIPAddressLeaseTime)}, nil},
		{"a lease of a second", []dhcpv4.Option{leaseTime(time.Second)}, nil},
		{"no server", []dhcpv4.Option{without(dhcpv4.OptionServerIdentifier)}, nil},
		{"a mask with a hole", []dhcpv4.Option{raw(dhcpv4.OptionSubnetMask, 255, 0, 255, 0)}, nil},
		{"mask 0.0.0.0", []dhcpv4.Option{raw(dhcpv4.OptionSubnetMask, 0, 0, 0, 0)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseLease(ackWith(tt.options...), epoch)
			if tt.want == nil {
				if err == nil {
					t.Errorf("accepted: %+v", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := Lease{
				Addr: netip.MustParsePrefix("10.0.0.5/24"), Server: addr("10.0.0.1"),
				Start: epoch, Renew: epoch.Add(30 * time.Minute), Rebind: epoch.Add(52*time.Minute + 30*time.Second), Expire: epoch.Add(time.Hour),
			}
			tt.want(&want)
			if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLeaseJSON(t *testing.T) {
	m := ackWith(dhcpv4.OptRouter(net.IPv4(10, 0, 0, 254)), dhcpv4.OptDNS(net.IPv4(10, 0, 0, 53)))
	for name, m := range map[string]*dhcpv4.DHCPv4{"hour": m, "no end": ackWith(leaseTime(infinite))} {
		l, err := parseLease(m, epoch)
		if err != nil {
			t.Fatal(err)
		}
		l.ServerMAC = serverMAC.String()
		data, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var back Lease
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l, back, compareAddrs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDomainName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for in, want := range map[string]string{
		"example": "example", "a.b-c_d.example.": "a.b-c_d.example", "": "", ".": "", "a..b": "", "a b": "",
		"a\x00b": "", "ä.example": "", long: long, long + "a": "", strings.Repeat(long+".", 4) + "a": "",
	} {
		if got := domainName(in); got != want {
			t.Errorf("domainName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseLease(f *testing.F) {
	f.Add(ackWith().ToBytes())
	f.Add(ackWith(raw(dhcpv4.OptionDNSDomainSearchList, []byte("\x01a\x07example\x00\x01b\xc0\x02")...),
		raw(dhcpv4.OptionClasslessStaticRoute, 20, 172, 16, 31, 10, 0, 0, 2), raw(dhcpv4.OptionInterfaceMTU, 5, 120),
		dhcpv4.OptDomainName("lan.example"), dhcpv4.OptRouter(net.IPv4(10, 0, 0, 254))).ToBytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := dhcpv4.FromBytes(b)
		if err != nil {
			return
		}
		l, err := parseLease(m, epoch)
		if err != nil {
			return
		}
		if !l.Addr.Addr().Is4() || l.Addr.Addr().IsUnspecified() || l.Addr.Bits() < 1 || !l.Server.Is4() {
			t.Errorf("not a lease: %+v", l)
		}
		if !l.Expire.IsZero() && (!l.Renew.After(l.Start) || !l.Rebind.After(l.Renew) || !l.Expire.After(l.Rebind)) {
			t.Errorf("times out of order: %+v", l)
		}
		for _, name := range append(l.Search, l.Domain) {
			if strings.ContainsAny(name, "\n\r\t \x00;#") {
				t.Errorf("name %q reaches resolv.conf", name)
			}
		}
		for _, r := range l.Routes {
			if r.Dst != r.Dst.Masked() {
				t.Errorf("route to %s", r.Dst)
			}
		}
	})
}
