package integration

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/integration/lab"
)

var router = netip.MustParseAddr("172.16.10.1")

// answering is a router on an interface that answers the questions for its
// address that it likes. The last byte of its MAC address is 01.
type answering struct {
	likes func(from net.HardwareAddr, length int) bool
	asked atomic.Int64
}

func (a *answering) on(t *testing.T, h *lab.Host, iface string) {
	t.Helper()
	var conn *packet.Conn
	err := h.Do(func() error {
		// By netlink: sysfs shows the namespace that it was mounted in.
		link := h.Find(iface)
		if link == nil {
			return errors.New(iface + " is not there")
		}
		var err error
		conn, err = packet.Listen(&net.Interface{Index: link.Attrs().Index, Name: iface}, packet.Datagram, unix.ETH_P_ARP, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		a.serve(conn)
	}()
}

func (a *answering) serve(conn *packet.Conn) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	b := make([]byte, 4096)
	for {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		var q arp.Packet
		if q.UnmarshalBinary(b[:n]) != nil || q.Operation != arp.OperationRequest || q.TargetIP != router {
			continue
		}
		a.asked.Add(1)
		if !a.likes(q.SenderHardwareAddr, n) {
			continue
		}
		reply, err := arp.NewPacket(arp.OperationReply, mac, router, q.SenderHardwareAddr, q.SenderIP)
		if err != nil {
			continue
		}
		data, _ := reply.MarshalBinary()
		_, _ = conn.WriteTo(data, &packet.Addr{HardwareAddr: q.SenderHardwareAddr})
	}
}

// segmentUp keeps VLAN 10 of the host's trunk up, and returns the interface
// that stands for it.
func segmentUp(h *lab.Host) string {
	h.OK("run", "-d", "--name", "holder", "--vlan", "10", "--parent", lab.Trunk, "--ip", "none", "busybox", "sleep", "1000")
	return lab.Trunk + ".10"
}

func doctor(h *lab.Host, args ...string) lab.Result {
	return h.Mvrun(append([]string{"doctor", "--wait", "300ms", "--parent", lab.Trunk, "--vlan", "10", "--gateway", router.String()}, args...)...)
}

func TestDoctorAsksTheGateway(t *testing.T) {
	for _, c := range []struct {
		name  string
		likes func(card net.HardwareAddr) func(net.HardwareAddr, int) bool
		want  []string
		code  int
	}{
		{
			"answers",
			func(net.HardwareAddr) func(net.HardwareAddr, int) bool {
				return func(net.HardwareAddr, int) bool { return true }
			},
			[]string{"ok       gateway     172.16.10.1 answers on enp0s9.10 (02:00:00:00:00:01)", "ok       mtu         frames of 1500 bytes get through"},
			0,
		},
		{
			"answers short questions",
			func(net.HardwareAddr) func(net.HardwareAddr, int) bool {
				return func(_ net.HardwareAddr, length int) bool { return length < 1400 }
			},
			[]string{"ok       gateway", "warning  mtu         172.16.10.1 does not answer to frames of 1500 bytes"},
			0,
		},
		{
			"answers the card alone",
			func(card net.HardwareAddr) func(net.HardwareAddr, int) bool {
				return func(from net.HardwareAddr, _ int) bool { return from.String() == card.String() }
			},
			[]string{"broken   gateway     172.16.10.1 answers the MAC address of enp0s9.10, and no other — something drops"},
			1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := lab.TwoHosts(t)
			on := segmentUp(b)
			r := &answering{likes: c.likes(a.Find(lab.Trunk).Attrs().HardwareAddr)}
			r.on(t, b, on)
			got := doctor(a)
			for _, want := range c.want {
				if !strings.Contains(got.Stdout, want) {
					t.Errorf("%q is not said: %v", want, got)
				}
			}
			if got.Code != c.code || r.asked.Load() == 0 || got.Stderr != "" {
				t.Errorf("exit code %d is wanted, the router was asked %d times: %v", c.code, r.asked.Load(), got)
			}
			a.NothingLeft("after the doctor")
		})
	}
}

func TestDoctorSaysWhyTheGatewayIsSilent(t *testing.T) {
	says := func(t *testing.T, got lab.Result, want string) {
		t.Helper()
		if !strings.Contains(got.Stdout, want) || got.Code != 1 {
			t.Errorf("%q and exit code 1 are wanted: %v", want, got)
		}
	}
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		a, _ := lab.OneHost(t)
		says(t, doctor(a), "broken   gateway     nothing comes back from enp0s9.10: no answer of 172.16.10.1, and no other frame — containers there reach nobody — make the switch port a trunk that carries VLAN 10 tagged")
	})
	t.Run("others", func(t *testing.T) {
		t.Parallel()
		a, b := lab.TwoHosts(t)
		b.OK("run", "-d", "--vlan", "10", "--parent", lab.Trunk, "--ip", "172.16.10.9/24", "busybox", "sh", "-c", "while :; do for i in $(seq 100 250); do ping -c 1 -w 1 172.16.10.$i & sleep 0.1; done; done")
		says(t, doctor(a), "nobody on enp0s9.10 has 172.16.10.1, though others are there (")
	})
	t.Run("access port", func(t *testing.T) {
		t.Parallel()
		a, wire := lab.OneHost(t)
		if err := wire.Link.AddrAdd(wire.Find(lab.Trunk), &netlink.Addr{IPNet: &net.IPNet{IP: router.AsSlice(), Mask: net.CIDRMask(24, 32)}}); err != nil {
			t.Fatal(err)
		}
		says(t, doctor(a), "172.16.10.1 answers untagged, not on VLAN 10 — the switch port is an access port of this network")
		untagged := a.Mvrun("doctor", "--parent", lab.Trunk, "--gateway", router.String(), "--wait", "300ms")
		if untagged.Code != 0 || !strings.Contains(untagged.Stdout, "172.16.10.1 answers on enp0s9 (") {
			t.Errorf("untagged: %v", untagged)
		}
	})
	t.Run("own address", func(t *testing.T) {
		t.Parallel()
		a, _ := lab.OneHost(t)
		link := a.Find(lab.Trunk)
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: router.AsSlice(), Mask: net.CIDRMask(24, 32)}}
		if err := a.Link.AddrAdd(link, addr); err != nil {
			t.Fatal(err)
		}
		says(t, doctor(a), "172.16.10.1 is an address of this host (enp0s9)")
		if err := a.Link.AddrDel(link, addr); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDoctorLooksAtTheParent(t *testing.T) {
	t.Parallel()
	a, wire := lab.OneHost(t)
	says := func(want string, code int, args ...string) {
		t.Helper()
		got := a.Mvrun(append([]string{"doctor"}, args...)...)
		if !strings.Contains(got.Stdout, want) || got.Code != code {
			t.Errorf("%q and exit code %d are wanted: %v", want, code, got)
		}
	}
	says("warning  parent      no --parent given and this host has no default route", 0)
	says("broken   parent      parent nope: this host has no such interface", 1, "--parent", "nope")
	says("ok       parent      enp0s9 is up and has a carrier (driver veth)", 0, "--parent", lab.Trunk)
	says("ok       segment     a container can be put on enp0s9", 0, "--parent", lab.Trunk)

	link := a.Find(lab.Trunk)
	if err := a.Link.LinkSetMTU(link, 1400); err != nil {
		t.Fatal(err)
	}
	says("warning  mtu         enp0s9 has an MTU of 1400", 0, "--parent", lab.Trunk)
	if err := a.Link.LinkSetMTU(link, 1500); err != nil {
		t.Fatal(err)
	}
	wire.Down(lab.Trunk)
	says("broken   parent      enp0s9 has no carrier", 1, "--parent", lab.Trunk, "--vlan", "10", "--gateway", router.String())
	wire.Up(lab.Trunk)
	a.Down(lab.Trunk)
	says("warning  parent      enp0s9 is down", 0, "--parent", lab.Trunk, "--vlan", "10")
	if a.Find(lab.Trunk).Attrs().Flags&net.FlagUp != 0 {
		t.Error("the doctor set the parent up")
	}
	a.Up(lab.Trunk)

	if err := a.Link.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}); err != nil {
		t.Fatal(err)
	}
	br := a.Find("br0")
	if err := a.Link.LinkSetMaster(link, br); err != nil {
		t.Fatal(err)
	}
	says("broken   parent      enp0s9 is a port of the bridge br0 — its frames go to br0, and no macvlan can sit on it — use --parent br0", 1, "--parent", lab.Trunk)
	if err := errors.Join(a.Link.LinkSetNoMaster(link), a.Link.LinkDel(br)); err != nil {
		t.Fatal(err)
	}
	a.NothingLeft("after the doctor")
}

func TestDoctorReadsTheConfiguration(t *testing.T) {
	t.Parallel()
	a, _ := lab.OneHost(t)
	dir := t.TempDir()
	write := func(text string) string {
		path := dir + "/config.toml"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got := a.Mvrun("--config", write("parnt = 'x'"), "doctor")
	if got.Code != 1 || !strings.Contains(got.Stdout, "broken   config      ") || !strings.Contains(got.Stdout, "config.toml:1:1: unknown key parnt") {
		t.Errorf("%v", got)
	}
	// The gateway to ask for is the configured one.
	got = a.Mvrun("--config", write("parent = 'enp0s9'\n[vlan.10]\nsubnet = '172.16.10.0/24'"), "doctor", "--vlan", "10", "--wait", "50ms", "--format", "json")
	var found []struct{ Check, Status, What, Why, Do string }
	if err := json.Unmarshal([]byte(got.Stdout), &found); err != nil || len(found) == 0 {
		t.Fatalf("%v: %v", err, got)
	}
	last := found[len(found)-1]
	if got.Code != 1 || last.Check != "gateway" || last.Status != "broken" || !strings.Contains(last.What, "172.16.10.1") || last.Why == "" || last.Do == "" {
		t.Errorf("%+v", last)
	}
	a.Refused(1, `^mvrun: --gateway x: it is not an IP address\n$`, "doctor", "--gateway", "x")
	a.Refused(1, `^mvrun: --wait 5h0m0s: give 10ms to 1m\n$`, "doctor", "--wait", "5h")
}

// An interrupted doctor cleans up; what a killed one leaves, the next command
// does.
func TestDoctorInterrupted(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"interrupt": unix.SIGINT, "kill": unix.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := lab.OneHost(t)
			ctx, cancel := context.WithTimeout(t.Context(), lab.Within(time.Minute))
			defer cancel()
			cmd := a.Command(ctx, lab.Program(), "doctor", "--parent", lab.Trunk, "--vlan", "10", "--gateway", router.String(), "--wait", "1m")
			if err := a.Start(cmd); err != nil {
				t.Fatal(err)
			}
			a.Eventually("the doctor has its leg on the segment", func() bool { return a.Find(lab.Trunk+".10") != nil })
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it ended as if nothing had happened")
			}
			if sig == unix.SIGKILL {
				a.OK("ps")
			}
			a.NothingLeft("after the " + name)
		})
	}
}
