package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

func net10() network.Config {
	return network.Config{Name: "mac_net10", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("172.16.10.0/24"), Gateway: ip("172.16.10.1")}}}
}

func TestNetworksAreStored(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	made := l.create(0, net10())
	if len(made.ID) != 64 || made.Created.IsZero() {
		t.Errorf("%+v", made)
	}
	for _, key := range []string{"mac_net10", made.ID, made.ID[:12], made.ID[:4]} {
		got, err := s.Get(key)
		if err != nil || got.ID != made.ID || got.Segment != (network.Segment{Parent: nic, VID: 10}) || got.Subnets[0].Gateway != ip("172.16.10.1") {
			t.Errorf("%s: %+v, %v", key, got, err)
		}
	}
	for _, key := range []string{"nope", "", "../networks", "mac_net", ".lock", "ffffffff0000"} {
		_, err := s.Get(key)
		if !errors.Is(err, network.ErrNotFound) {
			t.Errorf("%q: %v", key, err)
		}
		wants(t, key, s.Remove(key), "not found")
	}
	list, err := s.List()
	must(t, err)
	names := []string{}
	for _, cfg := range list {
		names = append(names, cfg.Name)
	}
	if !slices.Equal(names, []string{"host", "mac_net10", "none"}) {
		t.Errorf("list: %v", names)
	}
	wants(t, "rm none", s.Remove("none"), "pre-defined network and cannot be removed")
	wants(t, "rm host", s.Remove("host"), "pre-defined network and cannot be removed")
	must(t, s.Remove(made.ID[:12]))
	if _, err := s.Get("mac_net10"); !errors.Is(err, network.ErrNotFound) {
		t.Errorf("after rm: %v", err)
	}
}

func TestNetworksThatDoNotFit(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	l.create(0, net10())
	l.create(0, network.Config{Name: "quiet", Segment: network.Segment{Parent: nic, VID: 30}, Mode: "passthru"})
	sub := func(p string) []network.Subnet { return []network.Subnet{{Prefix: prefix(p)}} }
	for _, c := range []struct {
		cfg  network.Config
		want string
	}{
		{net10(), "network with name mac_net10 already exists"},
		{network.Config{Name: "b", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: sub("172.16.10.128/25")}, "overlaps with 172.16.10.0/24 of network mac_net10"},
		{network.Config{Name: "b", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: sub("172.16.0.0/16")}, "overlaps with"},
		{network.Config{Name: "b", Segment: network.Segment{Parent: nic, VID: 20}, Subnets: sub("172.16.10.0/24")}, ""}, // another segment, another LAN
		{network.Config{Name: "c", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: sub("172.16.11.0/24")}, ""}, // several networks on one parent
		{network.Config{Name: "d", Segment: network.Segment{Parent: "nope", VID: 10}}, "parent nope: this host has no such interface"},
		{network.Config{Name: "d", Segment: network.Segment{Parent: "lo", VID: 10}}, "loopback"},
		{network.Config{Name: "d", Segment: network.Segment{Parent: "", VID: 10}}, "parent interface is needed"},
		{network.Config{Name: "d", Segment: network.Segment{Parent: nic, VID: 30}}, "passthru mode has its parent to itself"},
		{network.Config{Name: "d", Segment: network.Segment{Parent: nic, VID: 20}, Mode: "passthru"}, "passthru mode has its parent to itself"},
	} {
		_, err := s.Create(c.cfg)
		wants(t, c.cfg.Name+" "+c.want, err, c.want)
	}
	entries, err := os.ReadDir(s.Dir)
	must(t, err)
	if len(entries) != 5 { // four networks and the lock
		t.Errorf("%d entries in %s", len(entries), s.Dir)
	}
}

// What is damaged is named, and hurts nobody else.
func TestDamagedNetwork(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	l.create(0, net10())
	bad := filepath.Join(s.Dir, "bad")
	must(t, os.Mkdir(bad, 0o755))
	must(t, os.WriteFile(filepath.Join(bad, configFile), []byte("{"), 0o644))
	must(t, os.Mkdir(filepath.Join(s.Dir, "moved"), 0o755))
	must(t, jsonfile.Write(filepath.Join(s.Dir, "moved", configFile), net10(), 0o644))

	list, err := s.List()
	if len(list) != 3 || !errors.Is(err, jsonfile.ErrCorrupt) || !strings.Contains(err.Error(), bad) {
		t.Errorf("%d networks, %v", len(list), err)
	}
	_, err = s.Get("bad")
	wants(t, "get", err, bad)
	_, err = s.Get("moved")
	wants(t, "get", err, `it names network "mac_net10"`)
	if ep := l.plan("b", network.Request{Network: "mac_net10"})[0]; addrOf(ep) != "172.16.10.2/24" {
		t.Errorf("a container on a good network: %v", err)
	}
	must(t, s.Reap())
	must(t, s.Release("b"))
}

func TestLeftoversOfKilledCommands(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	l.create(0, net10())
	for _, scratch := range []string{".new-0123", ".del-4567"} {
		must(t, os.MkdirAll(filepath.Join(s.Dir, scratch, "ips"), 0o755))
	}
	_, _, err := s.Plan(network.Owner{ID: "gone", Name: "gone"}, []network.Request{{Network: "mac_net10"}, {VLAN: tags("20"), Parent: nic}})
	must(t, err)
	l.dead["gone"] = true
	must(t, s.Reap())
	entries, err := os.ReadDir(s.Dir)
	must(t, err)
	if len(entries) != 2 {
		t.Errorf("left: %v", entries)
	}
	if claims, err := s.Claims("mac_net10"); len(claims) != 0 || err != nil {
		t.Errorf("%v, %v", claims, err)
	}
}

// A network whose record the power went before is nobody's yet, and in nobody's
// way.
func TestNetworkWithoutARecord(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	l.create(0, net10())
	must(t, os.Truncate(filepath.Join(s.path("mac_net10"), configFile), 0))
	must(t, s.Reap())
	if s.there("mac_net10") {
		t.Fatal("an empty record is left")
	}
	l.create(0, net10())
	must(t, s.Reap())
	if _, err := s.Get("mac_net10"); err != nil {
		t.Error(err)
	}
}

func TestRemoveOfANetworkInUse(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	l.create(0, net10())
	_, _, err := s.Plan(network.Owner{ID: "c1", Name: "bbox1"}, []network.Request{{Network: "mac_net10", IP: address("none")}})
	must(t, err)
	err = s.Remove("mac_net10")
	if !errors.Is(err, network.ErrInUse) {
		t.Errorf("%v", err)
	}
	wants(t, "rm", err, "network mac_net10 has active endpoints: remove bbox1 first")
	must(t, s.Release("c1"))
	must(t, s.Remove("mac_net10"))
}

func TestRemoveForgetsTheDead(t *testing.T) {
	l := newLab(t)
	s := l.store[0]
	l.create(0, net10())
	_, _, err := s.Plan(network.Owner{ID: "c1", Name: "bbox1"}, []network.Request{{Network: "mac_net10"}})
	must(t, err)
	l.dead["c1"] = true
	must(t, s.Remove("mac_net10"))
}

func TestWirelessParent(t *testing.T) {
	l := newLab(t)
	l.ip(0, "link", "add", "wlan0", "type", "veth", "peer", "name", "ap")
	sys := t.TempDir()
	trunk.SysClassNet = sys
	t.Cleanup(func() { trunk.SysClassNet = "/sys/class/net" })
	must(t, os.MkdirAll(filepath.Join(sys, "wlan0", "phy80211"), 0o755))
	for _, r := range []network.Request{{Parent: "wlan0", VLAN: tags("10")}, {Parent: "wlan0.10"}, {Parent: "wlan0"}} {
		_, _, err := l.store[0].Plan(network.Owner{ID: "c"}, []network.Request{r})
		wants(t, "plan", err, "parent wlan0 is wireless: an access point accepts frames from the one MAC address")
	}
	_, err := l.store[0].Create(network.Config{Name: "n", Segment: network.Segment{Parent: "wlan0", VID: 10}})
	wants(t, "create", err, "network create -d ipvlan")
	if nets, err := l.store[0].List(); err != nil || len(nets) != 2 {
		t.Errorf("after refusals: %+v, %v", nets, err)
	}
	// What shares the one MAC address is welcome.
	l.create(0, network.Config{Name: "shared", Driver: "ipvlan", Segment: network.Segment{Parent: "wlan0"}})
	l.plan("i", network.Request{Network: "shared"})
	// The sysfs of another namespace, with another wlan0 in it.
	must(t, os.WriteFile(filepath.Join(sys, "wlan0", "ifindex"), []byte("4711\n"), 0o644))
	l.plan("other", network.Request{Parent: "wlan0", VLAN: tags("10")})
}
