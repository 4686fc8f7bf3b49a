package endpoint

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mvrun/mvrun/network"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }

// create makes the network on host i.
func (l *lab) create(i int, cfg network.Config) network.Config {
	l.t.Helper()
	l.on(i, func() {
		var err error
		cfg, err = l.store[i].Create(cfg)
		must(l.t, err)
	})
	return cfg
}

// The experiment: two VLANs on one nic, two hosts, who reaches whom.
func TestExperiment(t *testing.T) {
	l := newLab(t)
	before := [2][]string{l.inventory(0), l.inventory(1)}
	for i := range 2 {
		l.create(i, network.Config{Name: "mac_net10", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("172.16.10.0/24"), Gateway: ip("172.16.10.1")}}})
		l.create(i, network.Config{Name: "mac_net20", Segment: network.Segment{Parent: nic, VID: 20}, Subnets: []network.Subnet{{Prefix: prefix("172.16.20.0/24"), Gateway: ip("172.16.20.1")}}})
	}
	wire := l.capture(1, nic)
	bbox1 := l.start(0, "bbox1", network.Request{Network: "mac_net10", IP: address("172.16.10.10")})
	bbox2 := l.start(0, "bbox2", network.Request{VLAN: tags("20"), Parent: nic, IP: address("172.16.20.10/24")})
	bbox3 := l.start(1, "bbox3", network.Request{Network: "mac_net10", IP: address("172.16.10.11")})
	bbox4 := l.start(1, "bbox4", network.Request{Network: "mac_net20", IP: address("172.16.20.11")})

	boxes := []*box{bbox1, bbox2, bbox3, bbox4}
	for _, a := range boxes {
		for _, b := range boxes {
			if a != b {
				a.answers(t, b, a.eps[0].VID == b.eps[0].VID)
			}
		}
	}

	counts := map[uint16]int{}
	for _, f := range wire.frames(t) {
		if !f.tagged {
			t.Errorf("untagged frame of type %#04x on the nic: % x", f.etherType, f.frame)
		}
		counts[f.vid]++
	}
	if counts[10] == 0 || counts[20] == 0 || len(counts) != 2 {
		t.Errorf("frames by VLAN: %v, want some of 10 and of 20 and no other", counts)
	}

	for i, b := range boxes {
		l.stop(i/2, b)
		l.on(i/2, func() { must(t, b.store.Release(b.id)) })
	}
	for i := range 2 {
		l.clean(i, before[i])
	}
}

func TestAnnounce(t *testing.T) {
	l := newLab(t)
	b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.5/8")})
	wire := l.capture(1, nic)
	b.legs[0].Start()
	time.Sleep(50 * time.Millisecond)
	frames := wire.frames(t)
	if len(frames) != 1 {
		t.Fatalf("%d frames, want one announcement", len(frames))
	}
	f := frames[0]
	body := f.frame[14:]
	sender, target := netip.AddrFrom4([4]byte(body[14:18])), netip.AddrFrom4([4]byte(body[24:28]))
	if f.vid != 10 || f.etherType != 0x0806 || body[7] != 1 || sender != ip("10.0.0.5") || target != sender {
		t.Errorf("not an ARP announcement of 10.0.0.5 on VLAN 10: %+v", f)
	}
}
