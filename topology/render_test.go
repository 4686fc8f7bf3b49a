package topology

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func ip(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }

func counters(rx, tx uint64) *Counters { return &Counters{RxBytes: rx, TxBytes: tx} }

// host1 has one of everything that can be met.
func host1() *Map {
	leg := func(name, status, mac, addr string, index, below int, c *Counters) Attachment {
		return Attachment{
			Container: Container{Name: name, ID: "0123456789ab", Status: status},
			Interface: Interface{Name: "eth0", Index: index, Below: below, Kind: "macvlan", MAC: mac, MTU: 1500, Up: c != nil, Carrier: c != nil, Addrs: ip(addr), Counters: c},
		}
	}
	gone := leg("sink", "running", "02:42:0a:00:00:09", "172.16.20.11/24", 0, 0, nil)
	gone.Missing = true
	lossy := counters(7_700_000_000, 12_300_000)
	lossy.RxDropped, lossy.TxErrors = 17, 2
	return &Map{
		Host:  "host1",
		Taken: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		Parents: []Parent{
			{
				Interface: Interface{Name: "enp0s9", Index: 3, Kind: "device", MAC: "52:54:00:12:34:56", MTU: 1500, Up: true, Carrier: true, Counters: counters(12_800_000, 3_400_000)},
				Segments: []Segment{
					{VID: 0, Foreign: []Foreign{{Interface{Name: "mv0", Index: 9, Below: 3, Kind: "macvlan", MAC: "02:00:00:00:00:99", Up: true, Carrier: true, Addrs: ip("10.0.0.5/24"), Counters: counters(900, 0)}, "this host"}}},
					{
						VID: 10, Driver: "kernel", Made: true,
						Link: &Interface{Name: "enp0s9.10", Index: 4, Below: 3, Kind: "vlan", MAC: "52:54:00:12:34:56", MTU: 1500, Up: true, Carrier: true, Counters: counters(10_200_000, 2_900_000)},
						Networks: []Network{{Name: "net10", Mode: "bridge", Pools: []Pool{{netip.MustParsePrefix("172.16.10.0/24"), netip.MustParseAddr("172.16.10.1")}}, Host: &Seat{Interface: Interface{Name: "mvh-0123456789a", Index: 8, Below: 4, Kind: "macvlan", MAC: "02:00:00:00:00:97", MTU: 1500, Up: true, Carrier: true, Addrs: ip("172.16.10.2/32"), Counters: counters(400, 300)}}, Legs: []Attachment{
							leg("cont1", "running", "02:42:0a:00:00:01", "172.16.10.10/24", 2, 4, counters(8_100_000, 2_200_000)),
							leg("a-much-longer-container-name", "paused", "02:42:0a:00:00:02", "172.16.10.11/24", 2, 4, counters(2_000_000, 600_000)),
							leg("db", "exited", "02:42:0a:00:00:03", "172.16.10.12/24", 0, 0, nil),
						}}},
						Foreign: []Foreign{{Interface{Name: "eth0", Index: 12, Below: 4, Kind: "macvlan", MAC: "02:00:00:00:00:98", Up: true, Carrier: true, Addrs: ip("172.16.10.200/24"), Counters: counters(1_000, 2_000)}, "nginx (process 4711)"}},
					},
					{
						VID: 20, Driver: "ebpf",
						Link: &Interface{Name: "vlan20", Index: 5, Below: 3, Kind: "ifb", MAC: "52:54:00:12:34:56", MTU: 1500, Up: true, Counters: counters(0, 0)},
						Networks: []Network{
							{Name: "enp0s9.20", Mode: "bridge", Implicit: true, Legs: []Attachment{
								leg("cont2", "running", "02:42:0a:00:00:04", "172.16.20.10/24", 2, 5, lossy), gone,
							}},
							{Name: "empty", Mode: "private", Internal: true, Pools: []Pool{{Subnet: netip.MustParsePrefix("fd00:20::/64")}}},
						},
					},
					{VID: 30, Networks: []Network{{Name: "idle", Mode: "bridge"}}},
					{
						VID: 90, Protocol: "802.1ad", Driver: "kernel", Made: true,
						Link: &Interface{Name: "enp0s9.90", Index: 13, Below: 3, Kind: "vlan", MTU: 1500, Up: true, Carrier: true, Counters: counters(0, 0)},
					},
					{
						VID: 10, Outer: 90, Driver: "kernel", Made: true,
						Link: &Interface{Name: "enp0s9.90.10", Index: 14, Below: 13, Kind: "vlan", MTU: 1500, Up: true, Carrier: true, Counters: counters(0, 0)},
						Networks: []Network{{
							Name: "inside", Mode: "bridge", Legs: []Attachment{leg("deep", "running", "02:42:0a:00:00:05", "10.90.10.10/24", 2, 14, counters(0, 0))},
							Host: &Seat{Interface: Interface{Name: "mvh-lost", Addrs: ip("10.90.10.1/32")}, Missing: true},
						}},
					},
					{VID: 99, Driver: "kernel", Link: &Interface{Name: "enp0s9.99", Index: 6, Below: 3, Kind: "vlan", MTU: 1500, Counters: counters(0, 0)}},
				},
			},
			{Interface: Interface{Name: "enp0s10"}, Missing: true, Segments: []Segment{{VID: 10, Networks: []Network{{Name: "lost", Mode: "bridge"}}}}},
		},
		Others: []Container{{Name: "probe", Status: "running", Mode: "host"}},
	}
}

var renderers = map[string]func(*Map, io.Writer) error{
	"txt":   func(m *Map, w io.Writer) error { return m.Text(w, false) },
	"dot":   (*Map).DOT,
	"svg":   (*Map).SVG,
	"ansi":  func(m *Map, w io.Writer) error { return m.Text(w, true) },
	"empty": func(_ *Map, w io.Writer) error { return (&Map{Host: "host2"}).Text(w, false) },
}

func TestRenderersGolden(t *testing.T) {
	for name, render := range renderers {
		var got bytes.Buffer
		if err := render(host1(), &got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "host1."+name)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-update writes it anew):\n%s", path, diff)
		}
	}
}

// experiment is the host of the documents.
func experiment() *Map {
	leg := func(name, status, mac, addr string, below int, c *Counters) Attachment {
		a := Attachment{Container: Container{Name: name, Status: status}, Interface: Interface{Name: "eth0", MAC: mac, Addrs: ip(addr), Counters: c}}
		if c != nil {
			a.Interface.Index, a.Interface.Below, a.Up, a.Carrier = 2, below, true, true
		}
		return a
	}
	link := func(name string, index int, rx, tx uint64) *Interface {
		return &Interface{Name: name, Index: index, Below: 3, Kind: "vlan", MAC: "52:54:00:12:34:56", MTU: 1500, Up: true, Carrier: true, Counters: counters(rx, tx)}
	}
	pool := func(subnet, gateway string) []Pool {
		return []Pool{{netip.MustParsePrefix(subnet), netip.MustParseAddr(gateway)}}
	}
	trunk := link("enp0s9", 3, 48_200_000, 9_100_000)
	trunk.Below = 0
	return &Map{
		Host: "host1", Taken: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		Parents: []Parent{{Interface: *trunk, Segments: []Segment{
			{
				VID: 10, Driver: "kernel", Made: true, Link: link("enp0s9.10", 4, 31_000_000, 6_400_000),
				Networks: []Network{{Name: "mac_net10", Mode: "bridge", Pools: pool("172.16.10.0/24", "172.16.10.1"), Legs: []Attachment{
					leg("bbox1", "running", "8a:3e:01:5c:77:10", "172.16.10.10/24", 4, counters(28_100_000, 6_200_000)),
					leg("nightly", "exited", "8a:3e:01:5c:77:12", "172.16.10.12/24", 4, nil),
				}}},
				Foreign: []Foreign{{Interface{Name: "eth0", Index: 9, Below: 4, Kind: "macvlan", MAC: "02:42:ac:10:0a:c8", Up: true, Carrier: true, Addrs: ip("172.16.10.200/24"), Counters: counters(2_900_000, 180_000)}, "nginx (process 4711)"}},
			},
			{
				VID: 20, Driver: "kernel", Link: link("vlan20", 5, 17_000_000, 2_700_000),
				Networks: []Network{{Name: "enp0s9.20", Mode: "bridge", Implicit: true, Legs: []Attachment{
					leg("bbox2", "running", "8a:3e:01:5c:77:20", "172.16.20.10/24", 5, counters(16_800_000, 2_700_000)),
				}}},
			},
		}}},
	}
}

// The picture and the tree of docs/topology.md are what mvrun draws.
func TestDocumentShowsWhatIsDrawn(t *testing.T) {
	var svg, txt bytes.Buffer
	if err := errors.Join(experiment().SVG(&svg), experiment().Text(&txt, false)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "docs", "topology.svg")
	if *update {
		if err := os.WriteFile(path, svg.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	picture, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(picture), svg.String()); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", path, diff)
	}
	doc, err := os.ReadFile(filepath.Join("..", "docs", "topology.md"))
	if err != nil {
		t.Fatal(err)
	}
	tree := "    " + strings.ReplaceAll(strings.TrimSpace(txt.String()), "\n", "\n    ")
	if !strings.Contains(string(doc), tree) {
		t.Errorf("docs/topology.md lacks the tree:\n%s", tree)
	}
}

// Two boxes never overlap, none is outside the picture, and no text is wider
// than its box.
func TestLayout(t *testing.T) {
	roots, width, height := layout(host1().tree())
	var all []*box
	each(roots, func(b *box) { all = append(all, b) })
	for i, a := range all {
		if a.x < margin || a.x+a.w > width-margin || a.y < header || a.y+a.h > height {
			t.Errorf("%s is outside: %v %v %v %v", a.title, a.x, a.y, a.w, a.h)
		}
		for _, b := range all[:i] {
			if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
				t.Errorf("%s and %s overlap", a.title, b.title)
			}
		}
		for _, l := range a.lines {
			if float64(len([]rune(l)))*factChar > a.w-2*padX {
				t.Errorf("%s: %q is wider than its box", a.title, l)
			}
		}
	}
}

// Whatever names the kernel and processes have, the picture is well-formed and
// nothing reaches a terminal that it would obey.
func FuzzNames(f *testing.F) {
	f.Add("eth0", "nginx", "web")
	f.Add("<script>", `"; node [label="x"`, "\x1b[2J")
	f.Add("a&b", "\xff\x00", "]]>")
	f.Fuzz(func(t *testing.T, iface, owner, name string) {
		m := host1()
		m.Host = owner
		m.Parents[0].Name = iface
		m.Parents[0].Segments[0].Foreign[0].Owner = owner
		m.Parents[0].Segments[1].Networks[0].Name = name
		m.Parents[0].Segments[1].Networks[0].Legs[0].Container.Name = name
		m.Others[0].Name = name
		var svg, txt bytes.Buffer
		if m.SVG(&svg) != nil || m.Text(&txt, false) != nil {
			t.Fatal("rendering failed")
		}
		dec := xml.NewDecoder(&svg)
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if strings.ContainsFunc(txt.String(), func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Errorf("control characters in %q", txt.String())
		}
	})
}
