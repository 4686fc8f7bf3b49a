package ipam

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func pfx(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr    { return netip.MustParseAddr(s) }

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		sub  Subnet
		want string // part of the error; empty: none
	}{
		{"plain", Subnet{Prefix: pfx("172.16.10.0/24"), Gateway: ip("172.16.10.1")}, ""},
		{"none", Subnet{}, "needs a prefix"},
		{"host bits", Subnet{Prefix: pfx("172.16.10.5/24")}, "should be 172.16.10.0/24"},
		{"everything", Subnet{Prefix: pfx("0.0.0.0/0")}, "no host can have"},
		{"multicast", Subnet{Prefix: pfx("224.0.0.0/24")}, "no host can have"},
		{"loopback inside", Subnet{Prefix: pfx("126.0.0.0/7")}, "no host can have"},
		{"this network", Subnet{Prefix: pfx("0.0.0.0/9")}, "no host can have"},
		{"loopback", Subnet{Prefix: pfx("127.0.0.0/8")}, "no host can have"},
		{"mapped", Subnet{Prefix: pfx("::ffff:10.0.0.0/120")}, "IPv4 addresses as IPv4"},
		{"gateway is network", Subnet{Prefix: pfx("10.0.0.0/24"), Gateway: ip("10.0.0.0")}, "network address"},
		{"gateway is broadcast", Subnet{Prefix: pfx("10.0.0.0/24"), Gateway: ip("10.0.0.255")}, "broadcast address"},
		{"gateway elsewhere", Subnet{Prefix: pfx("10.0.0.0/24"), Gateway: ip("192.0.2.1")}, ""},
		{"gateway of other family", Subnet{Prefix: pfx("10.0.0.0/24"), Gateway: ip("fd00::1")}, "different families"},
		{"gateway multicast", Subnet{Prefix: pfx("10.0.0.0/24"), Gateway: ip("224.0.0.1")}, "not the address of a host"},
		{"range", Subnet{Prefix: pfx("10.0.0.0/24"), IPRange: pfx("10.0.0.128/25")}, ""},
		{"range outside", Subnet{Prefix: pfx("10.0.0.0/24"), IPRange: pfx("10.0.1.0/25")}, "not inside"},
		{"range wider", Subnet{Prefix: pfx("10.0.0.0/24"), IPRange: pfx("10.0.0.0/16")}, "not inside"},
		{"range host bits", Subnet{Prefix: pfx("10.0.0.0/24"), IPRange: pfx("10.0.0.129/25")}, "should be 10.0.0.128/25"},
		{"aux outside", Subnet{Prefix: pfx("10.0.0.0/24"), Aux: map[string]netip.Addr{"r": ip("10.0.1.1")}}, "auxiliary address r=10.0.1.1"},
		{"point to point", Subnet{Prefix: pfx("10.0.0.0/31"), Gateway: ip("10.0.0.0")}, ""},
		{"one host", Subnet{Prefix: pfx("10.0.0.7/32")}, ""},
		{"IPv6", Subnet{Prefix: pfx("fd00::/64"), Gateway: ip("fd00::1")}, ""},
	} {
		check(t, c.name, c.sub.Validate(), c.want)
	}
}

func check(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want …%s…", name, err, want)
	}
}

func TestCheck(t *testing.T) {
	lan := Subnet{Prefix: pfx("172.16.10.0/24"), Gateway: ip("172.16.10.1"), Aux: map[string]netip.Addr{"nas": ip("172.16.10.9")}}
	for _, c := range []struct {
		sub  Subnet
		addr string
		want string
	}{
		{lan, "172.16.10.10", ""},
		{lan, "172.16.11.10", "not in subnet 172.16.10.0/24"},
		{lan, "fd00::1", "not in subnet"},
		{lan, "172.16.10.0", "network address"},
		{lan, "172.16.10.255", "broadcast address"},
		{lan, "172.16.10.1", "is the gateway's"},
		{lan, "172.16.10.9", "kept for nas"},
		{Subnet{Prefix: pfx("10.0.0.0/31")}, "10.0.0.0", ""},
		{Subnet{Prefix: pfx("10.0.0.0/31")}, "10.0.0.1", ""},
		{Subnet{Prefix: pfx("10.0.0.7/32")}, "10.0.0.7", ""},
		{Subnet{Prefix: pfx("10.0.0.0/30")}, "10.0.0.3", "broadcast address"},
		{Subnet{Prefix: pfx("fd00::/64")}, "fd00::", "anycast"},
		{Subnet{Prefix: pfx("fd00::/64")}, "fd00::ffff:ffff:ffff:ffff", ""},
		{Subnet{Prefix: pfx("fd00::/127")}, "fd00::", ""},
		{Subnet{Prefix: pfx("126.0.0.0/7")}, "127.0.0.1", "not the address of a host"},
	} {
		check(t, c.sub.Prefix.String()+" "+c.addr, c.sub.Check(ip(c.addr)), c.want)
	}
}

func TestDefaultGateway(t *testing.T) {
	for prefix, want := range map[string]string{
		"172.16.10.0/24": "172.16.10.1", "10.0.0.0/31": "10.0.0.0", "fd00::/64": "fd00::1", "10.0.0.7/32": "invalid IP",
	} {
		if got := (Subnet{Prefix: pfx(prefix)}).DefaultGateway(); got.String() != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}

// Next goes on after the last address given, around the end, past what is not
// to be had, until nothing is left.
func TestNextWalksTheWholeRange(t *testing.T) {
	sub := Subnet{
		Prefix: pfx("10.0.0.0/24"), Gateway: ip("10.0.0.1"), IPRange: pfx("10.0.0.0/29"),
		Aux: map[string]netip.Addr{"x": ip("10.0.0.4")},
	}
	taken := map[netip.Addr]bool{ip("10.0.0.6"): true}
	prev := ip("10.0.0.4")
	var got []string
	for {
		a, err := sub.Next(prev, func(a netip.Addr) bool { return taken[a] })
		if errors.Is(err, ErrExhausted) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a.String())
		taken[a], prev = true, a
	}
	want := "10.0.0.5 10.0.0.7 10.0.0.2 10.0.0.3"
	if strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestNextInOddPools(t *testing.T) {
	free := func(netip.Addr) bool { return false }
	for _, c := range []struct {
		sub        Subnet
		prev, want string
	}{
		{Subnet{Prefix: pfx("10.0.0.0/31")}, "", "10.0.0.0"},
		{Subnet{Prefix: pfx("10.0.0.0/31"), Gateway: ip("10.0.0.0")}, "10.0.0.1", "10.0.0.1"},
		{Subnet{Prefix: pfx("10.0.0.7/32")}, "", "10.0.0.7"},
		{Subnet{Prefix: pfx("10.0.0.0/24"), IPRange: pfx("10.0.0.128/25")}, "", "10.0.0.128"},
		{Subnet{Prefix: pfx("10.0.0.0/24"), IPRange: pfx("10.0.0.128/25")}, "10.0.0.5", "10.0.0.128"},
		{Subnet{Prefix: pfx("192.168.255.0/24")}, "192.168.255.254", "192.168.255.1"},
		{Subnet{Prefix: pfx("fd00::/64")}, "fd00::ffff:ffff:ffff:ffff", "fd00::1"},
	} {
		prev, _ := netip.ParseAddr(c.prev)
		if got, err := c.sub.Next(prev, free); err != nil || got.String() != c.want {
			t.Errorf("%s after %q: %s, %v, want %s", c.sub.Prefix, c.prev, got, err, c.want)
		}
	}
}

// Whatever the pool: an address that Next gives is one that Check lets
// through, in the range and nobody's; and it fails only when there is none.
func FuzzNext(f *testing.F) {
	f.Add([]byte{10, 0, 0, 0}, 24, 29, 5, uint64(0b1011))
	f.Add([]byte{192, 168, 0, 0}, 31, 31, 0, uint64(1))
	f.Fuzz(func(t *testing.T, base []byte, bits, rangeBits, last int, takenMask uint64) {
		if len(base) != 4 || bits < 1 || bits > 32 || rangeBits < 26 || rangeBits < bits || rangeBits > 32 {
			t.Skip()
		}
		addr, _ := netip.AddrFromSlice(base)
		sub := Subnet{Prefix: netip.PrefixFrom(addr, bits).Masked(), IPRange: netip.PrefixFrom(addr, rangeBits).Masked()}
		sub.Gateway = sub.DefaultGateway()
		if sub.Validate() != nil {
			t.Skip()
		}
		index := func(a netip.Addr) uint { b := a.As4(); return uint(b[3]) & 63 }
		taken := func(a netip.Addr) bool { return takenMask>>index(a)&1 == 1 }
		prev := sub.IPRange.Addr()
		for range last & 63 {
			prev = after(prev, sub.IPRange)
		}
		a, err := sub.Next(prev, taken)
		if err == nil {
			if sub.Check(a) != nil || taken(a) || !sub.IPRange.Contains(a) {
				t.Fatalf("%+v: %s is not to be had", sub, a)
			}
			return
		}
		for a := sub.IPRange.Addr(); sub.IPRange.Contains(a); a = a.Next() {
			if sub.Check(a) == nil && !taken(a) {
				t.Fatalf("%+v: %v, but %s is free", sub, err, a)
			}
		}
	})
}
