package integration

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/mvrun/mvrun/integration/lab"
)

// The picture shows what is there: containers on two VLANs, one that is
// stopped, macvlans that are not mvrun's, on this host and in a namespace of
// somebody else, and a container of another mvrun.
func TestTopology(t *testing.T) {
	t.Parallel()
	h, _ := lab.OneHost(t)
	h.OK("run", "-d", "--name", "c10", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.10/24", "busybox", "sleep", "1000")
	h.OK("network", "create", "--subnet", "172.16.20.0/24", "--host-access", "-o", "parent="+lab.Trunk+".20", "net20")
	h.OK("run", "-d", "--name", "c20", "--network", "net20", "busybox", "sleep", "1000")
	h.OK("create", "--name", "idle", "--network", "net20", "busybox", "true")
	h.OK("run", "-d", "--name", "lonely", "--network", "none", "busybox", "sleep", "1000")
	other := h.SameMachine()
	other.OK("run", "-d", "--name", "theirs", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.20/24", "busybox", "sleep", "1000")

	trunk := h.Find(lab.Trunk).Attrs().Index
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "mv0", trunk
	if err := h.Link.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Link.LinkDel(h.Find("mv0")) })

	var tree string
	// A process has its name from execve(2) on, which comes after the start.
	h.Eventually("the other mvrun's container runs sleep", func() bool {
		tree = h.OK("topology")
		return strings.Contains(tree, "sleep (process ")
	})
	for _, want := range []string{
		"─ enp0s9", "VLAN 10", "c10  eth0@if", "172.16.10.10/24", "made by mvrun", "net20", "172.16.20.0/24 via 172.16.20.1",
		"c20        eth0@if", "idle       (created)  eth0", "this host  (not mvrun's)  macvlan  mv0@if",
		"172.16.10.20/24", "(host access)  mvh-", "172.16.20.2/32", "on no segment: lonely (running, network none)",
	} {
		if !strings.Contains(tree, want) {
			t.Errorf("the tree lacks %q:\n%s", want, tree)
		}
	}

	var m struct {
		Parents []struct {
			Name     string
			Index    int
			Segments []struct {
				VLAN     int
				Link     *struct{ Index, Below int }
				Made     bool
				Networks []struct {
					Name string
					Host *struct {
						Interface struct {
							Name  string
							Below int
							Addrs []string
						}
					} `json:"host_access"`
					Legs []struct {
						Container, Status string
						Interface         struct {
							Name         string
							Index, Below int
							Carrier      bool
							Counters     *struct{ Tx_packets int }
						}
					}
				}
				Foreign []struct{ Owner string }
			}
		}
	}
	if err := json.Unmarshal([]byte(h.OK("topology", "--format", "json")), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Parents) != 1 || m.Parents[0].Index != trunk || len(m.Parents[0].Segments) != 3 {
		t.Fatalf("%+v, want one parent with three segments", m)
	}
	ten := m.Parents[0].Segments[1]
	leg := ten.Networks[0].Legs[0]
	if ten.VLAN != 10 || !ten.Made || ten.Link.Below != trunk || leg.Container != "c10" || leg.Interface.Below != ten.Link.Index || !leg.Interface.Carrier || leg.Interface.Counters == nil {
		t.Errorf("VLAN 10: %+v", ten)
	}
	twenty := m.Parents[0].Segments[2]
	if seat := twenty.Networks[0].Host; seat == nil || seat.Interface.Below != twenty.Link.Index || !slices.Equal(seat.Interface.Addrs, []string{"172.16.20.2/32"}) ||
		!strings.HasPrefix(seat.Interface.Name, "mvh-") || len(twenty.Foreign) > 0 {
		t.Errorf("the host's seat: %+v", twenty)
	}
	inside := strings.TrimSpace(h.OK("exec", "c10", "cat", "/sys/class/net/eth0/ifindex", "/sys/class/net/eth0/iflink"))
	if want := strings.Fields(inside); len(want) != 2 || jsonNumber(leg.Interface.Index) != want[0] || jsonNumber(leg.Interface.Below) != want[1] {
		t.Errorf("the container says %q, the map %d on %d", inside, leg.Interface.Index, leg.Interface.Below)
	}

	dec := xml.NewDecoder(strings.NewReader(h.OK("topology", "--format", "svg")))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the SVG is not well-formed: %v", err)
		}
	}
	if dot := h.OK("topology", "--format", "dot"); !strings.HasPrefix(dot, "digraph") || !strings.Contains(dot, "c20") || !strings.Contains(dot, "(host access)") {
		t.Errorf("not a graph: %s", dot)
	}
}

func jsonNumber(n int) string { b, _ := json.Marshal(n); return string(b) }
