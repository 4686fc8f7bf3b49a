package main

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

func TestNetworkFilters(t *testing.T) {
	nets := map[string]network.Config{
		"none":   {Name: "none", ID: "aa11", Driver: "null"},
		"net10":  {Name: "net10", ID: "bb22", Driver: "macvlan", Labels: map[string]string{"site": "north", "env": "lab"}, Created: time.Unix(1000, 0)},
		"net100": {Name: "net100", ID: "cc33", Driver: "macvlan", Created: time.Now()},
	}
	used := map[string]bool{"net100": true}
	for _, c := range []struct{ filters, want string }{
		{"", "net10 net100 none"},
		{"name=net10", "net10 net100"},
		{"name=none,name=net100", "net100 none"},
		{"id=bb", "net10"},
		{"driver=null", "none"},
		{"driver=macvlan,name=100", "net100"},
		{"type=custom", "net10 net100"},
		{"type=builtin", "none"},
		{"scope=local", "net10 net100 none"},
		{"scope=swarm", ""},
		{"label=site", "net10"},
		{"label=site=north,label=env=lab", "net10"},
		{"label=site=south", ""},
		{"label!=site", "net100 none"},
		{"dangling=true", "net10"},
		{"dangling=false", "net100 none"},
		{"until=1h,type=custom", "net10"},
	} {
		var args []string
		if c.filters != "" {
			args = strings.Split(c.filters, ",")
		}
		f, err := parseNetworkFilter(args, "dangling", "driver", "id", "label", "label!", "name", "scope", "type", "until")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"net10", "net100", "none"} {
			ok, err := f.match(nets[name], used[name])
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				got = append(got, name)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.filters, s, c.want)
		}
	}
	for _, bad := range []string{"name", "color=red", "type=other", "dangling=perhaps", "until=soon"} {
		f, err := parseNetworkFilter([]string{bad}, "dangling", "name", "type", "until")
		if err == nil {
			_, err = f.match(nets["net10"], false)
		}
		if err == nil || !strings.Contains(err.Error(), "--filter") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.Local)
	for value, want := range map[string]time.Time{
		"24h": now.Add(-24 * time.Hour), "2026-05-01": time.Date(2026, 5, 1, 0, 0, 0, 0, time.Local),
		"2026-05-01T10:20": time.Date(2026, 5, 1, 10, 20, 0, 0, time.Local), "1700000000": time.Unix(1700000000, 0),
		"2026-05-01T10:20:30Z": time.Date(2026, 5, 1, 10, 20, 30, 0, time.UTC),
	} {
		if got, err := untilTime(value, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v, want %s", value, got, err, want)
		}
	}
}

func TestNetworkOptions(t *testing.T) {
	var cfg network.Config
	parent, err := readNetworkOptions(&cfg, []string{"parent=enp0s9.10", "macvlan_mode=vepa", "vlan_driver=ebpf", "com.docker.network.driver.mtu=1400"})
	if err != nil || parent != "enp0s9.10" || cfg.Mode != "vepa" || cfg.VLANDriver != "ebpf" || cfg.MTU != 1400 || cfg.Options["parent"] != "enp0s9.10" {
		t.Errorf("%q, %+v, %v", parent, cfg, err)
	}
	for opt, want := range map[string]string{"colour=red": "no such option", "mtu=big": "number of bytes", "mtu=-1": "number of bytes", "": "no such option"} {
		if _, err := readNetworkOptions(&cfg, []string{opt}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", opt, err)
		}
	}
}

// A template may name fields as Docker's do, by the Go name or by the JSON
// name.
func TestNetworkViewTemplates(t *testing.T) {
	v := networkView{Name: "net10", ID: "bb22", Containers: map[string]endpointView{}}
	v.IPAM.Config = []subnetView{viewSubnet(network.Subnet{
		Prefix: netip.MustParsePrefix("10.0.0.0/24"), Gateway: netip.MustParseAddr("10.0.0.1"),
		Aux: map[string]netip.Addr{"nas": netip.MustParseAddr("10.0.0.9")},
	})}
	v.addClaim(ipam.Claim{Container: "c1", Name: "bbox1", Endpoint: "e1", MAC: "02:00:00:00:00:01", Addr: netip.MustParseAddr("10.0.0.5"), Bits: 24}, true)
	v.addClaim(ipam.Claim{Container: "c1", Name: "bbox1", Endpoint: "e1", MAC: "02:00:00:00:00:01", Addr: netip.MustParseAddr("fd00::5"), Bits: 64}, true)
	v.addClaim(ipam.Claim{Container: "c2", Name: "stopped", Addr: netip.MustParseAddr("10.0.0.6"), Bits: 24}, false)
	for format, want := range map[string]string{
		"{{.ID}}": "bb22", "{{.Id}}": "bb22", "{{.Name}}": "net10",
		"{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}} {{.AuxiliaryAddresses.nas}}{{end}}":            "10.0.0.0/24 10.0.0.1 10.0.0.9",
		"{{range $id, $c := .Containers}}{{$id}} {{$c.Name}} {{.IPv4Address}} {{.IPv6Address}}{{end}}": "c1 bbox1 10.0.0.5/24 fd00::5/64",
		"{{len .Claims}}": "3", "{{json .Labels}}": "null",
	} {
		var out bytes.Buffer
		if err := printValue(&out, format, v); err != nil || out.String() != want+"\n" {
			t.Errorf("%s: %q, %v, want %q", format, out.String(), err, want)
		}
	}
	if err := printValue(&bytes.Buffer{}, "{{.Nothing}}", v); err == nil {
		t.Error("an unknown field is no error")
	}
}
