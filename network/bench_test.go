package network

import (
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// benchHost is one host namespace with a trunk whose other end is there, too.
func benchHost(b *testing.B) *Store {
	b.Helper()
	ns, err := NewNamespace()
	if err != nil {
		b.Skipf("no network namespace to be had: %v", err)
	}
	runtime.LockOSThread()
	if err := unix.Setns(int(ns.File().Fd()), unix.CLONE_NEWNET); err != nil {
		b.Fatal(err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = trunk
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far"}); err != nil {
		b.Fatal(err)
	}
	return &Store{Dir: b.TempDir(), State: b.TempDir()}
}

func benchPlan(b *testing.B, s *Store, id string) Endpoint {
	b.Helper()
	eps, _, err := s.Plan(Owner{ID: id, Name: id}, []Request{{VLAN: "10", Parent: trunk, IP: "10.0.0.1"}})
	if err != nil {
		b.Fatal(err)
	}
	return eps[0]
}

func BenchmarkPlanAndRelease(b *testing.B) {
	s := benchHost(b)
	for b.Loop() {
		benchPlan(b, s, "c")
		if err := s.Release("c"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewNamespace(b *testing.B) {
	benchHost(b)
	for b.Loop() {
		ns, err := NewNamespace()
		if err != nil {
			b.Fatal(err)
		}
		ns.Close()
	}
}

// BenchmarkAttachFirst makes the sub-interface each time, and removes it,
// which is not measured.
func BenchmarkAttachFirst(b *testing.B) { benchAttach(b, false) }

// BenchmarkAttachFurther finds the sub-interface there.
func BenchmarkAttachFurther(b *testing.B) { benchAttach(b, true) }

func benchAttach(b *testing.B, shared bool) {
	s := benchHost(b)
	ep := benchPlan(b, s, "c")
	attach := func(id string) *Namespace {
		ns, err := NewNamespace()
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		leg, err := s.Attach(b.Context(), ns, Owner{ID: id}, ep, Hooks{})
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		leg.Stop()
		return ns
	}
	b.StopTimer()
	if shared {
		other := ep
		other.MAC = "02:00:00:00:00:01"
		ns, err := NewNamespace()
		if err != nil {
			b.Fatal(err)
		}
		defer ns.Close()
		if _, err := s.Attach(b.Context(), ns, Owner{ID: "other"}, other, Hooks{}); err != nil {
			b.Fatal(err)
		}
	}
	for range b.N {
		ns := attach("c")
		in, _ := ns.Handle()
		link, _ := in.LinkByName("eth0")
		_ = in.LinkDel(link) // the MAC is free again at once
		ns.Close()
		if err := s.Detach("c"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReapNothing(b *testing.B) {
	s := benchHost(b)
	benchPlan(b, s, "c")
	for b.Loop() {
		if err := s.Reap(); err != nil {
			b.Fatal(err)
		}
	}
}
