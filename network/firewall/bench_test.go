package firewall

import (
	"testing"

	"github.com/mvrun/mvrun/network/internal/testlan"
)

// BenchmarkApply is what --allow adds to the start of a container.
func BenchmarkApply(b *testing.B) {
	r, err := Parse("tcp/80,udp/53,icmp from 172.16.10.0/24")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		h := testlan.NewHost(b)
		b.StartTimer()
		if err := Apply(h.FD(), []Rule{r}); err != nil {
			b.Fatal(err)
		}
	}
}
