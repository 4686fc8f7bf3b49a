package endpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/store"
	"github.com/mvrun/mvrun/network/trunk"
)

// A lab is two hosts, each a network namespace with a store, and a trunk
// cable between them: a veth named enp0s9 in both. The test's thread is on
// host 1.
type lab struct {
	t     *testing.T
	hosts [2]*trunk.Namespace
	store [2]*host
	dead  map[string]bool // containers that are no more
}

const nic = "enp0s9"

// host is the networks of one host, and what attaches containers to them.
type host struct {
	*store.Store
	*Manager
}

func newHost(dir, links string, alive func(id string) bool) *host {
	s := &store.Store{Dir: dir, Exists: alive, Running: alive}
	return &host{s, &Manager{Store: s, Trunk: trunk.Trunk{Dir: links, Running: alive}}}
}

func (h *host) Reap() error { return errors.Join(h.Store.Reap(), h.Manager.Reap()) }

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	l := &lab{t: t, dead: map[string]bool{}}
	for i := range l.hosts {
		l.hosts[i] = mustNamespace(t)
		dir := t.TempDir()
		alive := func(id string) bool { return !l.dead[id] }
		l.store[i] = newHost(filepath.Join(dir, "networks"), filepath.Join(dir, "links"), alive)
	}
	for i := range l.hosts { // a quiet trunk: what is on it is the containers'
		l.on(i, func() { must(t, trunk.SetSysctl("ipv6", "default", "disable_ipv6", "1")) })
	}
	l.cable(nic)
	// The thread dies with the test: it is never unlocked.
	runtime.LockOSThread()
	if err := unix.Setns(int(l.hosts[0].File().Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	return l
}

func mustNamespace(t *testing.T) *trunk.Namespace {
	t.Helper()
	ns, err := trunk.NewNamespace()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("no network namespace to be had: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns
}

// cable joins the hosts by a veth of that name.
func (l *lab) cable(name string) {
	l.t.Helper()
	h, err := l.hosts[0].Handle()
	must(l.t, err)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	must(l.t, h.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(l.hosts[1].File().Fd())}))
	for _, ns := range l.hosts {
		h, err := ns.Handle()
		must(l.t, err)
		link, err := h.LinkByName(name)
		must(l.t, err)
		must(l.t, h.LinkSetUp(link))
	}
}

// on runs fn on host i, 0 or 1.
func (l *lab) on(i int, fn func()) {
	l.t.Helper()
	must(l.t, l.hosts[i].Do(func() error { fn(); return nil }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A box is a running container as far as its network goes.
type box struct {
	id    string
	ns    *trunk.Namespace
	eps   []network.Endpoint
	legs  []*Attached
	at    []network.Attachment
	store *host
}

// start plans and attaches a container on host i.
func (l *lab) start(i int, id string, reqs ...network.Request) *box {
	l.t.Helper()
	b, err := l.tryStart(i, id, reqs...)
	must(l.t, err)
	return b
}

func (l *lab) tryStart(i int, id string, reqs ...network.Request) (*box, error) {
	l.t.Helper()
	owner := network.Owner{ID: id, Name: id, HostID: fmt.Sprint("host", i)}
	b := &box{id: id, store: l.store[i]}
	var err error
	l.on(i, func() {
		var undo func()
		if b.eps, undo, err = b.store.Plan(owner, reqs); err != nil {
			return
		}
		b.ns = mustNamespace(l.t)
		for _, ep := range b.eps {
			var leg *Attached
			if leg, err = b.store.Attach(l.t.Context(), b.ns, owner, ep, Hooks{}); err != nil {
				undo()
				return
			}
			l.t.Cleanup(leg.Stop)
			b.legs, b.at = append(b.legs, leg), append(b.at, leg.Attachment())
		}
	})
	return b, err
}

// stop ends a container on host i; its claims stay.
func (l *lab) stop(i int, b *box) {
	l.t.Helper()
	for _, leg := range b.legs {
		leg.Stop()
	}
	must(l.t, b.ns.Close())
	l.on(i, func() { must(l.t, b.store.Detach(b.id)) })
}

// addr is the box's n-th leg's address.
func (b *box) addr(n int) netip.Addr { return b.eps[n].Addrs[0].Addr() }

// ping sends up to tries echo requests and tells whether an answer came.
func (b *box) ping(t *testing.T, to netip.Addr, tries int) bool {
	t.Helper()
	var conn *icmp.PacketConn
	must(t, b.ns.Do(func() (err error) { conn, err = icmp.ListenPacket("ip4:icmp", "0.0.0.0"); return err }))
	defer conn.Close()
	msg := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: os.Getpid() & 0xffff, Data: []byte("mvrun")}}
	out, err := msg.Marshal(nil)
	must(t, err)
	buf := make([]byte, 1500)
	for range tries {
		_, _ = conn.WriteTo(out, &net.IPAddr{IP: to.AsSlice()}) // EHOSTUNREACH is a no, too
		must(t, conn.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				break
			}
			got, err := icmp.ParseMessage(1, buf[:n])
			if err == nil && got.Type == ipv4.ICMPTypeEchoReply && from.String() == to.String() {
				return true
			}
		}
	}
	return false
}

// answers checks both that a answers where it should and not where it should
// not.
func (b *box) answers(t *testing.T, to *box, want bool) {
	t.Helper()
	tries := 5
	if !want {
		tries = 2
	}
	if got := b.ping(t, to.addr(0), tries); got != want {
		t.Errorf("ping %s → %s (%s): %v, want %v", b.id, to.id, to.addr(0), got, want)
	}
}

// inventory is what the kernel has on host i that mvrun could leave behind:
// links with their flags, qdiscs, filters.
func (l *lab) inventory(i int) []string {
	l.t.Helper()
	var all []string
	l.on(i, func() {
		h, err := trunk.Open()
		must(l.t, err)
		defer h.Close()
		links, err := h.Links()
		must(l.t, err)
		for _, link := range links {
			a := link.Attrs()
			all = append(all, fmt.Sprintf("link %s %s promisc=%v", a.Name, link.Type(), a.RawFlags&unix.IFF_PROMISC != 0))
			qdiscs, err := h.QdiscList(link)
			must(l.t, err)
			for _, q := range qdiscs {
				all = append(all, "qdisc "+a.Name+" "+q.Type())
			}
			for _, where := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
				filters, _ := h.FilterList(link, where)
				for _, f := range filters {
					all = append(all, fmt.Sprintf("filter %s %s pref %d", a.Name, f.Type(), f.Attrs().Priority))
				}
			}
		}
	})
	slices.Sort(all)
	return all
}

// clean checks that host i is as it was, in the kernel and in the ledger.
func (l *lab) clean(i int, before []string) {
	l.t.Helper()
	if after := l.inventory(i); !slices.Equal(before, after) {
		l.t.Errorf("left on host %d:\n%s\nbefore:\n%s", i+1, strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	entries, _ := os.ReadDir(l.store[i].Trunk.Dir)
	for _, e := range entries {
		if e.Name() != ".lock" {
			l.t.Errorf("left in the ledger of host %d: %s", i+1, e.Name())
		}
	}
}

// ip runs the ip command on host i.
func (l *lab) ip(i int, args ...string) {
	l.t.Helper()
	l.on(i, func() {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	})
}

// A capture reads what comes in on an interface, with the VLAN tags that the
// kernel keeps beside the frame (PACKET_AUXDATA).
type capture struct{ fd int }

type captured struct {
	tagged    bool
	vid       uint16
	etherType uint16
	frame     []byte // without the tag
}

func (l *lab) capture(i int, name string) *capture {
	l.t.Helper()
	c := &capture{-1}
	l.on(i, func() {
		ifi, err := net.InterfaceByName(name)
		must(l.t, err)
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		must(l.t, err)
		must(l.t, unix.SetsockoptInt(c.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1))
		all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
		must(l.t, unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index}))
	})
	l.t.Cleanup(func() { unix.Close(c.fd) })
	return c
}

// frames returns what has come in (not what went out) so far.
func (c *capture) frames(t *testing.T) []captured {
	t.Helper()
	var all []captured
	buf, oob := make([]byte, 65536), make([]byte, 256)
	for {
		n, oobn, _, from, err := unix.Recvmsg(c.fd, buf, oob, 0)
		if errors.Is(err, unix.EAGAIN) {
			return all
		}
		must(t, err)
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		all = append(all, decode(t, slices.Clone(buf[:n]), oob[:oobn]))
	}
}

func decode(t *testing.T, frame, oob []byte) captured {
	t.Helper()
	f := captured{frame: frame, etherType: binary.BigEndian.Uint16(frame[12:])}
	if f.etherType == unix.ETH_P_8021Q { // in the frame itself
		f.tagged, f.vid = true, binary.BigEndian.Uint16(frame[14:])&0xfff
		f.etherType = binary.BigEndian.Uint16(frame[16:])
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	must(t, err)
	for _, m := range msgs {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA {
			continue
		}
		status := binary.NativeEndian.Uint32(m.Data)
		if status&unix.TP_STATUS_VLAN_VALID != 0 {
			f.tagged, f.vid = true, binary.NativeEndian.Uint16(m.Data[16:])&0xfff
		}
	}
	return f
}
