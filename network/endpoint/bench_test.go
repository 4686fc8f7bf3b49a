package endpoint

import (
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// benchHost is one host namespace with a nic whose other end is there, too.
func benchHost(b *testing.B) *host {
	b.Helper()
	ns, err := trunk.NewNamespace()
	if err != nil {
		b.Skipf("no network namespace to be had: %v", err)
	}
	runtime.LockOSThread()
	if err := unix.Setns(int(ns.File().Fd()), unix.CLONE_NEWNET); err != nil {
		b.Fatal(err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nic
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far"}); err != nil {
		b.Fatal(err)
	}
	return newHost(b.TempDir(), b.TempDir(), nil)
}

func benchPlan(b *testing.B, s *host, id string) network.Endpoint {
	b.Helper()
	eps, _, err := s.Plan(network.Owner{ID: id, Name: id}, []network.Request{{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1")}})
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
		ns, err := trunk.NewNamespace()
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
	attach := func(id string) *trunk.Namespace {
		ns, err := trunk.NewNamespace()
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		leg, err := s.Attach(b.Context(), ns, network.Owner{ID: id}, ep, Hooks{})
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
		ns, err := trunk.NewNamespace()
		if err != nil {
			b.Fatal(err)
		}
		defer ns.Close()
		if _, err := s.Attach(b.Context(), ns, network.Owner{ID: "other"}, other, Hooks{}); err != nil {
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
