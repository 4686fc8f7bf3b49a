package vm

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// The NICs of the two hosts.
const (
	trunk    = "enp0s9"  // a cable from host to host
	toSwitch = "enp0s10" // a cable to a port of the switch
)

// hosts are two machines with mvrun, joined by a trunk, and each by a second
// NIC to a machine that is a switch:
//
//	host1 enp0s9 ═══════════════ enp0s9 host2
//	host1 enp0s10 ══ enp0s9 switch enp0s10 ══ enp0s10 host2
type hosts struct{ host1, host2, sw *guest }

func bootHosts(t *testing.T) hosts {
	dir := shortDir(t)
	direct, left, right := NewCable(dir, "direct"), NewCable(dir, "left"), NewCable(dir, "right")
	spec := func(name string, nics ...NIC) Spec {
		s := parts.Spec(name)
		s.NICs = nics
		return s
	}
	g := bootAll(t, dir,
		spec("host1", nic(9, 1, direct.End(0)), nic(10, 1, left.End(0))),
		spec("host2", nic(9, 2, direct.End(1)), nic(10, 2, right.End(0))),
		spec("switch", nic(9, 3, left.End(1)), nic(10, 3, right.End(1))))
	return hosts{g[0], g[1], g[2]}
}

// nic is the card in a slot of a machine with this number.
func nic(slot, machine int, end End) NIC {
	return NIC{slot, fmt.Sprintf("52:54:00:00:%02x:%02x", machine, slot), end}
}

// bootAll boots machines at the same time.
func bootAll(t *testing.T, dir string, specs ...Spec) []*guest {
	t.Helper()
	machines, errs := make([]*Machine, len(specs)), make([]error, len(specs))
	var booting sync.WaitGroup
	for i, s := range specs {
		booting.Go(func() { machines[i], errs[i] = Boot(context.Background(), dir, s) })
	}
	booting.Wait()
	var guests []*guest
	for _, m := range machines {
		if m != nil {
			guests = append(guests, watch(t, m))
		}
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return guests
}

// on returns the hosts for a subtest.
func (h hosts) on(t *testing.T) hosts { return hosts{h.host1.on(t), h.host2.on(t), h.sw.on(t)} }

// TestHosts is what needs two machines, on one start of them.
func TestHosts(t *testing.T) {
	h := bootHosts(t)
	for _, test := range []struct {
		name string
		run  func(hosts)
	}{
		{"experiment with the kernel's VLANs", func(h hosts) { experiment(h, trunk, "auto", "auto") }},
		{"experiment with both drivers", func(h hosts) { experiment(h, trunk, "kernel", "ebpf") }},
		{"the administrator's sub-interface", administratorsLink},
		{"experiment across a switch", acrossSwitch},
		{"throughput of the drivers", throughput},
	} {
		if !t.Run(test.name, func(t *testing.T) { test.run(h.on(t)) }) {
			h.removeAll(t)
		}
	}
}

// removeAll clears the hosts after a subtest that failed, so that the others
// are not about its leftovers.
func (h hosts) removeAll(t *testing.T) {
	for _, g := range []*guest{h.host1, h.host2} {
		r := g.try("sh", "-c", "mvrun ps -aq | xargs -r mvrun rm -f; mvrun network prune -f; ip -d -br link")
		t.Logf("cleared %s: %v", g.Spec.Name, r)
	}
}
