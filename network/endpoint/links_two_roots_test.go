package endpoint

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/mvrun/mvrun/network"
)

// Two roots on one host share a parent: what the first changed on it stays
// until the other is done, too.
func TestTwoRootsShareAParent(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	l.store[1] = newHost(t.TempDir(), filepath.Join(t.TempDir(), "links"), l.store[0].Exists)
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, VLANDriver: network.DriverEBPF})
	b := &box{id: "b", store: l.store[1], ns: mustNamespace(t)}
	eps, _, err := b.store.Plan(network.Owner{ID: "b"}, []network.Request{{VLAN: tags("20"), Parent: nic, VLANDriver: network.DriverEBPF}})
	must(t, err)
	_, err = b.store.Attach(t.Context(), b.ns, network.Owner{ID: "b"}, eps[0], Hooks{})
	must(t, err)

	l.stop(0, a)
	if !slices.Contains(l.inventory(0), "link enp0s9 veth promisc=true") {
		t.Error("the parent is no longer promiscuous, and the other root's VLAN is on it")
	}
	l.stop(0, b)
	must(t, l.store[0].Reap())
	l.clean(0, before)
}
