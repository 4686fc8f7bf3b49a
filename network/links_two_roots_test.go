package network

import (
	"path/filepath"
	"slices"
	"testing"
)

// Two roots on one host share a parent: what the first changed on it stays
// until the other is done, too.
func TestTwoRootsShareAParent(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	l.store[1] = &Store{Dir: t.TempDir(), State: filepath.Join(t.TempDir(), "links"), Exists: l.store[0].Exists, Running: l.store[0].Running}
	a := l.start(0, "a", Request{VLAN: "10", Parent: trunk, VLANDriver: driverEBPF})
	b := &box{id: "b", store: l.store[1], ns: mustNamespace(t)}
	eps, _, err := b.store.Plan(Owner{ID: "b"}, []Request{{VLAN: "20", Parent: trunk, VLANDriver: driverEBPF}})
	must(t, err)
	_, err = b.store.Attach(t.Context(), b.ns, Owner{ID: "b"}, eps[0], Hooks{})
	must(t, err)

	l.stop(0, a)
	if !slices.Contains(l.inventory(0), "link enp0s9 veth promisc=true") {
		t.Error("the parent is no longer promiscuous, and the other root's VLAN is on it")
	}
	l.stop(0, b)
	must(t, l.store[0].Reap())
	l.clean(0, before)
}
