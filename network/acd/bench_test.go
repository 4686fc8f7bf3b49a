package acd

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mvrun/mvrun/network/internal/testlan"
)

// BenchmarkListen is what a probe costs beside its window. Close is not in it.
func BenchmarkListen(b *testing.B) {
	one, two := testlan.NewHost(b), testlan.NewHost(b)
	testlan.Cable(one, "eth0", two, "eth0")
	c := Claim{netip.MustParseAddr("172.16.10.10"), one.MAC("eth0")}
	index := one.Index("eth0")
	for b.Loop() {
		s, err := Listen(one.FD(), index, c)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

// BenchmarkProbeTaken is how soon a conflict is known.
func BenchmarkProbeTaken(b *testing.B) {
	one, two := testlan.NewHost(b), testlan.NewHost(b)
	testlan.Cable(one, "eth0", two, "eth0")
	two.Addr("eth0", "172.16.10.10/24")
	c := Claim{netip.MustParseAddr("172.16.10.10"), one.MAC("eth0")}
	s, err := Listen(one.FD(), one.Index("eth0"), c)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if r, err := Probe(b.Context(), s, c, time.Second); err != nil || r.State != Taken {
			b.Fatal(r, err)
		}
	}
}
