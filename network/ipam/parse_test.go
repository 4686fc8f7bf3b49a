package ipam

import (
	"testing"
)

func TestParse(t *testing.T) {
	words := func(w ...string) []string { return w }
	for _, c := range []struct {
		name                          string
		subnets, gateways, ranges, ax []string
		want                          string
	}{
		{"nothing", nil, nil, nil, nil, ""},
		{"all", words("10.0.0.0/24", "fd00::/64"), words("10.0.0.1", "fd00::1"), words("10.0.0.128/25"), words("r=10.0.0.9"), ""},
		{"gateway outside the only subnet", words("10.0.0.0/24"), words("192.0.2.1"), nil, nil, ""},
		{"gateway of no subnet", words("10.0.0.0/24", "10.0.1.0/24"), words("192.0.2.1"), nil, nil, "in no --subnet"},
		{"gateway without subnet", nil, words("192.0.2.1"), nil, nil, "in no --subnet"},
		{"two gateways", words("10.0.0.0/24"), words("10.0.0.1", "10.0.0.2"), nil, nil, "same subnet"},
		{"two ranges", words("10.0.0.0/24"), nil, words("10.0.0.0/25", "10.0.0.128/25"), nil, "same subnet"},
		{"range elsewhere", words("10.0.0.0/24"), nil, words("10.9.0.0/25"), nil, "in no --subnet"},
		{"no prefix", words("10.0.0.0"), nil, nil, nil, "write it as"},
		{"no range", words("10.0.0.0/24"), nil, words("10.0.0.5"), nil, "write it as"},
		{"no gateway", words("10.0.0.0/24"), words("nope"), nil, nil, "not an IP address"},
		{"aux without name", words("10.0.0.0/24"), nil, nil, words("10.0.0.9"), "NAME="},
		{"aux elsewhere", words("10.0.0.0/24"), nil, nil, words("r=10.1.0.9"), "in no --subnet"},
	} {
		_, err := Parse(c.subnets, c.gateways, c.ranges, c.ax)
		check(t, c.name, err, c.want)
	}
	all, err := Parse(words("10.0.0.0/24", "10.0.1.0/24"), words("10.0.1.1"), words("10.0.1.128/25"), words("r=10.0.0.9"))
	if err != nil || all[1].Gateway != ip("10.0.1.1") || all[0].Gateway.IsValid() || all[1].IPRange != pfx("10.0.1.128/25") || all[0].Aux["r"] != ip("10.0.0.9") {
		t.Errorf("put together wrongly: %+v, %v", all, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("10.0.0.0/24", "10.0.0.1", "10.0.0.128/25", "r=10.0.0.9")
	f.Add("fd00::/64", "fe80::1", "", "=")
	f.Fuzz(func(t *testing.T, subnet, gateway, ipRange, aux string) {
		all, err := Parse([]string{subnet}, []string{gateway}, []string{ipRange}, []string{aux})
		if err != nil || all[0].Validate() != nil {
			return
		}
		if gw := all[0].Gateway; gw.IsValid() && all[0].Check(gw) == nil {
			t.Errorf("%+v: the gateway's address can be given away", all[0])
		}
	})
}
