// Package lab builds the machines that the integration tests run on: hosts
// that are network namespaces, trunk cables between them, a reader of the
// frames on a cable, and a check that a test left nothing behind. It knows
// mvrun only as a program with a command line.
package lab

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Netns is a network namespace that lives as long as the test. It has no name
// in the file system: it is held by a descriptor.
type Netns struct {
	t  testing.TB
	fd netns.NsHandle
	// Link is the rtnetlink handle inside the namespace.
	Link *netlink.Handle
}

// NewNetns makes an empty namespace with lo up and IPv6 off, so that the only
// frames on its cables are those of the containers.
func NewNetns(t testing.TB) *Netns {
	t.Helper()
	n := &Netns{t: t}
	err := onOwnThread(func() (err error) {
		n.fd, err = netns.New()
		return err
	})
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	if n.Link, err = netlink.NewHandleAt(n.fd, unix.NETLINK_ROUTE); err != nil {
		t.Fatalf("open rtnetlink in the namespace: %v", err)
	}
	t.Cleanup(func() { n.Link.Close(); n.fd.Close() })
	n.Sysctl("net/ipv6/conf/all/disable_ipv6", "1")
	n.Sysctl("net/ipv6/conf/default/disable_ipv6", "1")
	n.Up("lo")
	return n
}

// NetnsOf is the namespace of a process, such as a container's.
func NetnsOf(t testing.TB, pid string) *Netns {
	t.Helper()
	n := &Netns{t: t}
	var err error
	if n.fd, err = netns.GetFromPath("/proc/" + pid + "/ns/net"); err != nil {
		t.Fatalf("open the network namespace of %s: %v", pid, err)
	}
	if n.Link, err = netlink.NewHandleAt(n.fd, unix.NETLINK_ROUTE); err != nil {
		t.Fatalf("open rtnetlink in the namespace: %v", err)
	}
	t.Cleanup(func() { n.Link.Close(); n.fd.Close() })
	return n
}

// Path names the namespace for other programs while the test runs.
func (n *Netns) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), int(n.fd)) }

// Do calls f on a thread that is in the namespace. What f starts (a process, a
// socket) belongs to it.
func (n *Netns) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := netns.Set(n.fd); err != nil {
			return fmt.Errorf("enter the namespace: %w", err)
		}
		return f()
	})
}

// onOwnThread calls f on a thread that may change its namespace: the thread
// ends with f, since a goroutine that returns locked takes its thread along.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// Sysctl writes one below /proc/sys. Those of net/ are the namespace's own.
func (n *Netns) Sysctl(name, value string) {
	n.t.Helper()
	err := n.Do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
	if err != nil {
		n.t.Fatal(err)
	}
}

// Find returns a link of the namespace, or nil.
func (n *Netns) Find(name string) netlink.Link {
	link, err := n.Link.LinkByName(name)
	if err != nil {
		return nil
	}
	return link
}

// Up brings a link up.
func (n *Netns) Up(name string) {
	n.t.Helper()
	link, err := n.Link.LinkByName(name)
	if err == nil {
		err = n.Link.LinkSetUp(link)
	}
	if err != nil {
		n.t.Fatalf("set %s up: %v", name, err)
	}
}

// Down takes a link down; the other end of a cable loses its carrier.
func (n *Netns) Down(name string) {
	n.t.Helper()
	link, err := n.Link.LinkByName(name)
	if err == nil {
		err = n.Link.LinkSetDown(link)
	}
	if err != nil {
		n.t.Fatalf("set %s down: %v", name, err)
	}
}

// Rename gives a link another name, as an administrator may at any time.
func (n *Netns) Rename(from, to string) {
	n.t.Helper()
	link, err := n.Link.LinkByName(from)
	if err == nil {
		// Since Linux 6.5 a link may be renamed while it is up; before, it must be down.
		err = n.Link.LinkSetName(link, to)
	}
	if err != nil {
		n.t.Fatalf("rename %s: %v", from, err)
	}
}

// Cable joins two namespaces with a veth whose ends have these names, both up.
func Cable(t testing.TB, a *Netns, aName string, b *Netns, bName string) {
	t.Helper()
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: aName, TxQLen: 1000},
		PeerName:      bName,
		PeerNamespace: netlink.NsFd(int(b.fd)),
	}
	if err := a.Link.LinkAdd(veth); err != nil {
		t.Fatalf("lay a cable: %v", err)
	}
	a.Up(aName)
	b.Up(bName)
}
