package store

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

const nic = "enp0s9"

// lab is a host, a network namespace with a store in which a NIC is. The test's
// thread is on it.
type lab struct {
	t     *testing.T
	hosts [1]*trunk.Namespace
	store [1]*Store
	dead  map[string]bool // containers that are no more
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	ns, err := trunk.NewNamespace()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("no network namespace to be had: %v", err)
	}
	must(t, err)
	t.Cleanup(func() { ns.Close() })
	l := &lab{t: t, hosts: [1]*trunk.Namespace{ns}, dead: map[string]bool{}}
	alive := func(id string) bool { return !l.dead[id] }
	l.store[0] = &Store{Dir: filepath.Join(t.TempDir(), "networks"), Exists: alive, Running: alive}
	// The thread dies with the test: it is never unlocked.
	runtime.LockOSThread()
	must(t, unix.Setns(int(ns.File().Fd()), unix.CLONE_NEWNET))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nic
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far-" + nic}))
	l.ip(0, "link", "set", nic, "up")
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes the network.
func (l *lab) create(_ int, cfg network.Config) network.Config {
	l.t.Helper()
	cfg, err := l.store[0].Create(cfg)
	must(l.t, err)
	return cfg
}

// ip runs the ip command.
func (l *lab) ip(_ int, args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }

// tags, address and mac read the words of a request; a test's are right.
func tags(s string) network.Tags {
	t, err := network.ParseTags(s)
	if err != nil {
		panic(err)
	}
	return t
}

func address(s string) (r network.AddressRequest) {
	if err := r.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return r
}

func mac(s string) net.HardwareAddr {
	m, err := net.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}
