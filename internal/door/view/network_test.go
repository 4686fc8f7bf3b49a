package view

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// A template may name fields as Docker's do, by the Go name or by the JSON
// name.
func TestNetworkViewTemplates(t *testing.T) {
	v := Network{Name: "net10", ID: "bb22", Containers: map[string]NetworkContainer{}}
	v.IPAM.Config = []Subnet{newSubnet(network.Subnet{
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
		if err := table.Value(&out, format, v); err != nil || out.String() != want+"\n" {
			t.Errorf("%s: %q, %v, want %q", format, out.String(), err, want)
		}
	}
	if err := table.Value(&bytes.Buffer{}, "{{.Nothing}}", v); err == nil {
		t.Error("an unknown field is no error")
	}
}
