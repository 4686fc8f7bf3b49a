// Package testlan gives tests a LAN of their own: hosts are network namespaces
// held by descriptor, joined by veth cables. Nothing of it outlives the test.
package testlan

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Host is a network namespace with lo up.
type Host struct {
	t      testing.TB
	ns     netns.NsHandle
	Handle *netlink.Handle
}

// NewHost makes a namespace. The test is skipped if the kernel refuses one.
func NewHost(t testing.TB) *Host {
	t.Helper()
	ns, err := newNamespace()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
		t.Skipf("the kernel makes no network namespace: %v", err)
	}
	check(t, err, "make network namespace")
	t.Cleanup(func() { ns.Close() })
	handle, err := netlink.NewHandleAt(ns)
	check(t, err, "open netlink")
	t.Cleanup(handle.Close)
	h := &Host{t, ns, handle}
	h.Up("lo")
	return h
}

// newNamespace unshares a thread, which is then thrown away with it: a
// goroutine that ends locked takes its thread along.
func newNamespace() (netns.NsHandle, error) {
	type result struct {
		ns  netns.NsHandle
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		ns, err := netns.New()
		done <- result{ns, err}
	}()
	r := <-done
	return r.ns, r.err
}

// FD is the namespace's descriptor, valid until the test ends.
func (h *Host) FD() int { return int(h.ns) }

// Do runs f on a thread inside the namespace.
func (h *Host) Do(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		if err := netns.Set(h.ns); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// Command is a command that will run inside the namespace, with the test's
// mount namespace.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	args = append([]string{"--net=/proc/self/fd/3", "--", name}, args...)
	cmd := exec.CommandContext(h.t.Context(), "nsenter", args...)
	fd, err := unix.FcntlInt(uintptr(h.ns), unix.F_DUPFD_CLOEXEC, 0)
	check(h.t, err, "duplicate namespace descriptor")
	f := os.NewFile(uintptr(fd), "netns")
	h.t.Cleanup(func() { f.Close() })
	cmd.ExtraFiles = []*os.File{f}
	return cmd
}

// Cable joins two hosts by a veth pair of the given names, both ends up.
func Cable(a *Host, aName string, b *Host, bName string) {
	a.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Namespace = aName, netlink.NsFd(a.FD())
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: bName, PeerNamespace: netlink.NsFd(b.FD())}
	check(a.t, a.Handle.LinkAdd(veth), "make veth")
	a.Up(aName)
	b.Up(bName)
}

// Macvlan makes a macvlan in bridge mode on parent, which lies in h, directly
// in the namespace of child, and sets it up. The test is skipped if the kernel
// has no macvlan.
func (h *Host) Macvlan(parent string, child *Host, name string) {
	h.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Namespace = name, h.Link(parent).Attrs().Index, netlink.NsFd(child.FD())
	err := h.Handle.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE})
	if errors.Is(err, unix.EOPNOTSUPP) {
		h.t.Skipf("the kernel makes no macvlan: %v", err)
	}
	check(h.t, err, "make macvlan")
	child.Up(name)
}

// Link is the interface as it is now.
func (h *Host) Link(name string) netlink.Link {
	h.t.Helper()
	link, err := h.Handle.LinkByName(name)
	check(h.t, err, "find "+name)
	return link
}

// Index and MAC of an interface.
func (h *Host) Index(name string) int            { return h.Link(name).Attrs().Index }
func (h *Host) MAC(name string) net.HardwareAddr { return h.Link(name).Attrs().HardwareAddr }

// Up and Down set the interface's administrative state.
func (h *Host) Up(name string) { check(h.t, h.Handle.LinkSetUp(h.Link(name)), "set up "+name) }

func (h *Host) Down(name string) { check(h.t, h.Handle.LinkSetDown(h.Link(name)), "set down "+name) }

// Addr gives the interface an address such as 10.0.0.1/24. An IPv6 address is
// usable at once: no DAD.
func (h *Host) Addr(name, cidr string) {
	h.t.Helper()
	addr, err := netlink.ParseAddr(cidr)
	check(h.t, err, "parse "+cidr)
	if addr.IP.To4() == nil {
		addr.Flags = unix.IFA_F_NODAD
	}
	check(h.t, h.Handle.AddrAdd(h.Link(name), addr), "give "+name+" "+cidr)
}

// Sysctl writes a value below /proc/sys/net of the namespace.
func (h *Host) Sysctl(path string, value int) {
	h.t.Helper()
	check(h.t, h.Do(func() error {
		return os.WriteFile("/proc/sys/net/"+path, []byte(strconv.Itoa(value)), 0o644)
	}), "write "+path)
}

func check(t testing.TB, err error, what string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
