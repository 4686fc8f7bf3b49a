package endpoint

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/network"
)

// wants checks that the error says want, or that there is none for "".
func wants(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want …%s…", name, err, want)
	}
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: more than one line: %q", name, err)
	}
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	nets, err := os.ReadDir(dir)
	must(t, err)
	for _, n := range nets {
		all = append(all, n.Name())
		claims, _ := os.ReadDir(dir + "/" + n.Name() + "/ips")
		for _, c := range claims {
			all = append(all, n.Name()+"/"+c.Name())
		}
	}
	return strings.Join(all, " ")
}

func addrOf(ep network.Endpoint) string {
	if len(ep.Addrs) == 0 {
		return ""
	}
	return ep.Addrs[0].String()
}

// plan plans on host 1 and fails the test if that fails.
func (l *lab) plan(id string, reqs ...network.Request) []network.Endpoint {
	l.t.Helper()
	eps, _, err := l.store[0].Plan(network.Owner{ID: id, Name: id, HostID: "host0"}, reqs)
	must(l.t, err)
	return eps
}

func net10() network.Config {
	return network.Config{Name: "mac_net10", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("172.16.10.0/24"), Gateway: ip("172.16.10.1")}}}
}

// tags, address and mac read the words of a request; a test's are right.
func tags(s string) network.Tags {
	t, err := network.ParseTags(s)
	if err != nil {
		panic(err)
	}
	return t
}

func address(s string) (r network.AddressRequest) {
	if err := r.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return r
}

func mac(s string) net.HardwareAddr {
	m, err := net.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

func tagsOrNone(s string) network.Tags {
	if s == "" {
		return network.Tags{}
	}
	return tags(s)
}
