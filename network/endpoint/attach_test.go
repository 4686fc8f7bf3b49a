package endpoint

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// inside reads a file of /proc/sys in the box's namespace.
func (b *box) inside(t *testing.T, path string) (value string) {
	t.Helper()
	must(t, b.ns.Do(func() error {
		data, err := os.ReadFile(path)
		value = strings.TrimSpace(string(data))
		return err
	}))
	return value
}

func (b *box) handle(t *testing.T) *netlink.Handle {
	t.Helper()
	h, err := b.ns.Handle()
	must(t, err)
	return h
}

func TestAttachment(t *testing.T) {
	l := newLab(t)
	l.ip(0, "link", "set", nic, "mtu", "1450")
	l.create(0, net10())
	b := l.start(0, "b", network.Request{Network: "mac_net10", IP: address("172.16.10.10"), MAC: mac("02:00:00:00:00:07"), IfName: "lan0"})
	at := b.at[0]
	h := b.handle(t)
	links, err := h.LinkList()
	must(t, err)
	if len(links) != 2 {
		t.Errorf("%d links in the container", len(links))
	}
	for _, link := range links {
		if link.Attrs().Flags&net.FlagUp == 0 {
			t.Errorf("%s is down", link.Attrs().Name)
		}
	}
	link, err := h.LinkByName("lan0")
	must(t, err)
	a := link.Attrs()
	if a.Index != at.IfIndex || a.ParentIndex != at.LinkIndex || a.MTU != 1450 || a.HardwareAddr.String() != "02:00:00:00:00:07" {
		t.Errorf("link %+v\nattachment %+v", a, at)
	}
	if at.IfName != "lan0" || at.MAC != "02:00:00:00:00:07" || at.MTU != 1450 || !at.Carrier || len(at.Warnings) != 0 ||
		at.Network != "mac_net10" || at.Segment != (network.Segment{Parent: nic, VID: 10}) || at.Gateway != ip("172.16.10.1") || at.Link != "enp0s9.10" {
		t.Errorf("%+v", at)
	}
	routes, err := h.RouteList(nil, netlink.FAMILY_V4)
	must(t, err)
	var got []string
	for _, r := range routes {
		got = append(got, r.Dst.String()+" "+r.Gw.String())
	}
	slices.Sort(got)
	if want := []string{"0.0.0.0/0 172.16.10.1", "172.16.10.0/24 <nil>"}; !slices.Equal(got, want) {
		t.Errorf("routes %v, want %v", got, want)
	}
	if v := b.inside(t, "/proc/sys/net/ipv6/conf/lan0/disable_ipv6"); v != "1" {
		t.Errorf("disable_ipv6 is %s", v)
	}
	addrs, err := h.AddrList(link, netlink.FAMILY_ALL)
	must(t, err)
	if len(addrs) != 1 || addrs[0].IPNet.String() != "172.16.10.10/24" || !addrs[0].Broadcast.Equal(net.IPv4(172, 16, 10, 255)) {
		t.Errorf("addresses %v", addrs)
	}
}

// IPv6 off means off before the link comes up: no frame of it leaves.
func TestNoIPv6EverLeaves(t *testing.T) {
	l := newLab(t)
	wire := l.capture(1, nic)
	l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic})
	time.Sleep(50 * time.Millisecond)
	for _, f := range wire.frames(t) {
		t.Errorf("VLAN %d, type %#04x: % x", f.vid, f.etherType, f.frame)
	}
}

func TestIPv6Address(t *testing.T) {
	l := newLab(t)
	l.create(0, network.Config{Name: "six", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: []network.Subnet{{Prefix: prefix("fd00:10::/64")}}})
	b := l.start(0, "b", network.Request{Network: "six"})
	if addrOf(b.eps[0]) != "fd00:10::2/64" || b.eps[0].Gateway6 != ip("fd00:10::1") || b.eps[0].Gateway.IsValid() {
		t.Errorf("%+v", b.eps[0])
	}
	routes, err := b.handle(t).RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	must(t, err)
	if !slices.ContainsFunc(routes, func(r netlink.Route) bool { return trunk.IsDefaultRoute(r) && r.Gw.String() == "fd00:10::1" }) {
		t.Errorf("%v", routes)
	}
	if v := b.inside(t, "/proc/sys/net/ipv6/conf/eth0/accept_ra"); v != "0" {
		t.Errorf("accept_ra is %s", v)
	}
}

func TestGateways(t *testing.T) {
	l := newLab(t)
	sub := func(p, gw string) []network.Subnet {
		s := network.Subnet{Prefix: prefix(p)}
		s.Gateway, _ = netip.ParseAddr(gw)
		return []network.Subnet{s}
	}
	l.create(0, network.Config{Name: "outside", Segment: network.Segment{Parent: nic, VID: 10}, Subnets: sub("10.0.0.0/24", "192.0.2.1")})
	l.create(0, network.Config{Name: "internal", Segment: network.Segment{Parent: nic, VID: 11}, Internal: true, Subnets: sub("10.0.1.0/24", "")})
	l.create(0, network.Config{Name: "internal2", Segment: network.Segment{Parent: nic, VID: 12}, Internal: true, Subnets: sub("10.0.2.0/24", "10.0.2.1")})
	l.create(0, network.Config{Name: "one", Segment: network.Segment{Parent: nic, VID: 13}, Subnets: sub("10.0.3.7/32", "10.0.3.1")})
	for netw, want := range map[string]string{"outside": "192.0.2.1", "internal": "", "internal2": "", "one": "10.0.3.1"} {
		b := l.start(0, netw, network.Request{Network: netw})
		routes, err := b.handle(t).RouteList(nil, netlink.FAMILY_V4)
		must(t, err)
		got := ""
		for _, r := range routes {
			if trunk.IsDefaultRoute(r) {
				got = r.Gw.String()
			}
		}
		if got != want {
			t.Errorf("%s: default route through %q, want %q", netw, got, want)
		}
	}
}

func TestUntaggedSegment(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	wire := l.capture(1, nic)
	b := l.start(0, "b", network.Request{Parent: nic, IP: address("10.0.0.1")})
	far := l.start(1, "far", network.Request{Parent: nic, IP: address("10.0.0.2")})
	b.answers(t, far, true)
	if b.at[0].Link != nic || b.at[0].Driver != "" || b.eps[0].Network != nic {
		t.Errorf("%+v", b.at[0])
	}
	for _, f := range wire.frames(t) {
		if f.tagged {
			t.Errorf("VLAN %d on an untagged segment", f.vid)
		}
	}
	l.stop(0, b)
	l.clean(0, before)
}

func TestModes(t *testing.T) {
	l := newLab(t)
	for i, mode := range []network.Mode{"bridge", "vepa", "private"} {
		seg := network.Segment{Parent: nic, VID: uint16(10 + i)}
		for h := range 2 {
			l.create(h, network.Config{Name: string(mode), Segment: seg, Mode: mode, Subnets: []network.Subnet{{Prefix: prefix("10.0.0.0/24")}}})
		}
		a := l.start(0, string(mode)+"a", network.Request{Network: string(mode), IP: address("10.0.0.11")})
		b := l.start(0, string(mode)+"b", network.Request{Network: string(mode), IP: address("10.0.0.12")})
		far := l.start(1, string(mode)+"far", network.Request{Network: string(mode), IP: address("10.0.0.13")})
		a.answers(t, far, true)
		a.answers(t, b, mode == "bridge") // vepa wants a switch that sends frames back
		link, err := a.handle(t).LinkByName("eth0")
		must(t, err)
		if link.(*netlink.Macvlan).Mode != trunk.DriverOf(mode).Make(netlink.NewLinkAttrs()).(*netlink.Macvlan).Mode {
			t.Errorf("%s: mode %d", mode, link.(*netlink.Macvlan).Mode)
		}
	}
}

func TestPassthruIsAlone(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	l.create(0, network.Config{Name: "own", Segment: network.Segment{Parent: nic, VID: 10}, Mode: network.Passthru})
	a := l.start(0, "a", network.Request{Network: "own", IP: address("10.0.0.1")})
	far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2")})
	a.answers(t, far, true)
	if parent, err := mustHost(t).LinkByName(nic); err != nil || a.at[0].MAC != parent.Attrs().HardwareAddr.String() {
		t.Errorf("MAC %s, %v", a.at[0].MAC, err)
	}
	for _, req := range []network.Request{{Network: "own", IP: address("10.0.0.3")}, {VLAN: tags("10"), Parent: nic, IP: address("10.9.0.3")}} {
		_, err := l.tryStart(0, "b", req)
		wants(t, "second", err, "passthru mode has its parent to itself")
	}
	a.answers(t, far, true)
	l.stop(0, a)
	c := l.start(0, "c", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.4")})
	_, err := l.tryStart(0, "d", network.Request{Network: "own", IP: address("10.0.0.5")})
	wants(t, "beside", err, "passthru mode has its parent to itself")
	l.stop(0, c)
	l.clean(0, before)
}

func TestParentStates(t *testing.T) {
	l := newLab(t)
	// Admin-down is set up, and the other end's state is the carrier.
	l.ip(0, "link", "set", nic, "down")
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic})
	if !a.at[0].Carrier || len(a.at[0].Warnings) != 0 {
		t.Errorf("%+v", a.at[0])
	}
	l.ip(1, "link", "set", nic, "down")
	b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic})
	if b.at[0].Carrier || len(b.at[0].Warnings) != 1 || !strings.Contains(b.at[0].Warnings[0], "parent enp0s9 has no carrier") {
		t.Errorf("%+v", b.at[0])
	}
}

// Each of these fails with one sentence, and leaves nothing.
func TestAttachRefuses(t *testing.T) {
	l := newLab(t)
	l.ip(0, "link", "add", "enslaved", "type", "veth", "peer", "name", "far")
	l.ip(0, "link", "add", "br0", "type", "bridge")
	l.ip(0, "link", "set", "enslaved", "master", "br0")
	l.ip(0, "link", "set", "enslaved", "up")
	l.ip(0, "link", "set", nic, "mtu", "9000")
	l.create(0, network.Config{Name: "big", Segment: network.Segment{Parent: nic, VID: 10}, MTU: 9000})
	l.ip(0, "link", "set", nic, "mtu", "1500")
	_, err := l.store[0].Create(network.Config{Name: "bigger", Segment: network.Segment{Parent: nic, VID: 10}, MTU: 1501})
	wants(t, "create", err, "MTU 1501 is above the 1500 of parent enp0s9")
	before := l.inventory(0)
	for _, c := range []struct {
		req  network.Request
		want string
	}{
		{network.Request{Parent: "enslaved"}, "enslaved is part of a bridge or a bond"},
		{network.Request{Network: "big"}, "MTU 9000 is above the 1500 of enp0s9.10"},
	} {
		_, err := l.tryStart(0, "b", c.req)
		wants(t, c.want, err, c.want)
	}
	l.clean(0, before)
	// Two containers, one MAC.
	a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic})
	ep := a.eps[0]
	_, err = l.store[0].Attach(t.Context(), mustNamespace(t), network.Owner{ID: "thief"}, ep, Hooks{})
	wants(t, "MAC", err, "MAC address "+ep.MAC+" is in use on enp0s9.10")
	l.stop(0, a)
	l.clean(0, before)
}

func TestAttachUndo(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	owner := network.Owner{ID: "b", Name: "b"}
	eps, _, err := l.store[0].Plan(owner, []network.Request{{VLAN: tags("10"), Parent: nic}, {VLAN: tags("20"), Parent: nic}})
	must(t, err)
	ns := mustNamespace(t)
	var undos []func() error
	for _, ep := range eps {
		leg, err := l.store[0].Attach(t.Context(), ns, owner, ep, Hooks{})
		must(t, err)
		undos = append(undos, leg.Undo)
	}
	for _, undo := range slices.Backward(undos) {
		must(t, undo())
		must(t, undo())
	}
	l.clean(0, before)
	h, err := ns.Handle()
	must(t, err)
	if links, err := h.LinkList(); err != nil || len(links) != 1 {
		t.Errorf("%d links left in the namespace, %v", len(links), err)
	}
	// An interface that is there already is not ours to delete.
	leg, err := l.store[0].Attach(t.Context(), ns, owner, eps[0], Hooks{})
	must(t, err)
	_, err = l.store[0].Attach(t.Context(), ns, network.Owner{ID: "c"}, eps[0], Hooks{})
	wants(t, "twice", err, "the container has an interface eth0 already")
	if _, err := h.LinkByName("eth0"); err != nil {
		t.Errorf("the first one's interface: %v", err)
	}
	must(t, leg.Undo())
	l.clean(0, before)
}

// The kernel takes the macvlan with the namespace: Detach needs only the ID.
func TestDetachWithTheNamespaceGone(t *testing.T) {
	l := newLab(t)
	before := l.inventory(0)
	b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic}, network.Request{VLAN: tags("20"), Parent: nic}, network.Request{Parent: nic})
	must(t, b.ns.Close())
	for range 2 {
		must(t, l.store[0].Detach("b"))
	}
	must(t, l.store[0].Detach("never seen"))
	l.clean(0, before)
}

// The host itself stays off the containers' VLAN, also if it forwards, and a
// neighbour there knows its MAC and its addresses.
func TestHostIsNotOnTheVLAN(t *testing.T) {
	drivers(t, func(t *testing.T, l *lab, driver network.VLANDriver) {
		must(t, trunk.SetSysctl("ipv6", "default", "disable_ipv6", "0"))
		must(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0))
		l.ip(0, "link", "add", "lan", "type", "veth", "peer", "name", "lanfar")
		l.ip(0, "link", "set", "lan", "up")
		l.ip(0, "addr", "add", "10.0.0.99/32", "dev", "lan")
		conn, err := net.ListenPacket("udp4", "10.0.0.99:7")
		must(t, err)
		defer conn.Close()

		b := l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1"), VLANDriver: driver})
		far := l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2")})
		if far.ping(t, ip("10.0.0.99"), 1) {
			t.Error("a neighbour reaches an address that the host has on another network")
		}
		below, err := mustHost(t).LinkByName(b.at[0].Link)
		must(t, err)
		must(t, far.handle(t).NeighSet(&netlink.Neigh{
			LinkIndex: far.at[0].IfIndex, IP: net.IPv4(10, 0, 0, 99), HardwareAddr: below.Attrs().HardwareAddr, State: netlink.NUD_PERMANENT,
		}))
		must(t, far.ns.Do(func() error {
			out, err := net.Dial("udp4", "10.0.0.99:7")
			if err == nil {
				_, err = out.Write([]byte("hello"))
			}
			return err
		}))
		must(t, conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
		if n, _, err := conn.ReadFrom(make([]byte, 10)); err == nil {
			t.Errorf("the host took %d bytes from VLAN 10", n)
		}
		for key, want := range map[string]string{"ipv6/conf/enp0s9.10/disable_ipv6": "1", "ipv4/conf/enp0s9.10/forwarding": "0"} {
			if data, err := os.ReadFile("/proc/sys/net/" + key); err != nil || strings.TrimSpace(string(data)) != want {
				t.Errorf("%s is %q, %v", key, data, err)
			}
		}
	})
}

// A bulk transfer each way: segmentation offload, full-size frames, checksums.
func TestBulkTraffic(t *testing.T) {
	drivers(t, func(t *testing.T, l *lab, driver network.VLANDriver) {
		a := l.start(0, "a", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1"), VLANDriver: driver})
		b := l.start(1, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2"), VLANDriver: driver})
		a.answers(t, b, true)
		const size = 32 << 20
		for _, ends := range [][2]*box{{a, b}, {b, a}} {
			var ln net.Listener
			must(t, ends[1].ns.Do(func() (err error) { ln, err = net.Listen("tcp4", ends[1].addr(0).String()+":7"); return err }))
			defer ln.Close()
			got := make(chan int64)
			go func() {
				conn, err := ln.Accept()
				if err != nil {
					got <- -1
					return
				}
				n, _ := io.Copy(io.Discard, conn)
				got <- n
			}()
			var conn net.Conn
			must(t, ends[0].ns.Do(func() (err error) {
				conn, err = net.DialTimeout("tcp4", ends[1].addr(0).String()+":7", 5*time.Second)
				return err
			}))
			must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			_, err := conn.Write(make([]byte, size))
			must(t, errors.Join(err, conn.Close()))
			if n := <-got; n != size {
				t.Errorf("%d of %d bytes arrived", n, size)
			}
		}
	})
}

func TestNamespace(t *testing.T) {
	ns := mustNamespace(t)
	where := func() (st unix.Stat_t) { must(t, unix.Stat("/proc/thread-self/ns/net", &st)); return st }
	outside := where()
	var inside unix.Stat_t
	must(t, ns.Do(func() error { inside = where(); return nil }))
	if inside.Ino == outside.Ino || where().Ino != outside.Ino {
		t.Errorf("inside %d, outside %d and %d", inside.Ino, outside.Ino, where().Ino)
	}
	boom := errors.New("boom")
	if err := ns.Do(func() error { return boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
	h, err := ns.Handle()
	must(t, err)
	lo, err := h.LinkByName("lo")
	must(t, err)
	if lo.Attrs().Flags&net.FlagUp == 0 {
		t.Error("lo is down")
	}
	must(t, ns.Close())
	must(t, ns.Close())
}

// The nic stays what it was for the host's own, untagged traffic.
func TestHostsOwnTrafficIsUntouched(t *testing.T) {
	drivers(t, func(t *testing.T, l *lab, driver network.VLANDriver) {
		l.start(0, "b", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.1"), VLANDriver: driver})
		l.start(1, "far", network.Request{VLAN: tags("10"), Parent: nic, IP: address("10.0.0.2"), VLANDriver: driver})
		l.ip(0, "addr", "add", "192.0.2.1/24", "dev", nic)
		l.ip(1, "addr", "add", "192.0.2.2/24", "dev", nic)
		if host := (&box{ns: l.hosts[0]}); !host.ping(t, ip("192.0.2.2"), 5) {
			t.Error("the hosts don't reach each other over the nic")
		}
	})
}
