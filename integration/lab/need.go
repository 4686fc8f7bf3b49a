package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Need is a feature of the kernel that a test can't do without, found out by
// trying it.
type Need struct {
	Name string
	try  func(testing.TB) error
	// Lacking are the kernel's answers that mean "not in this kernel". Any
	// other failure is a failure of the test.
	lacking []error
}

// The needs that a test may be skipped for. There is no other way to skip:
// rules.TestNoOtherSkips sees to it.
var (
	Kernel8021q  = Need{"802.1Q sub-interfaces of the kernel", tryVLAN, []error{unix.EOPNOTSUPP}}
	KernelIPVLAN = Need{"ipvlan interfaces", tryIPVLAN, []error{unix.EOPNOTSUPP}}
	KernelBond   = Need{"bonds", tryBond, []error{unix.EOPNOTSUPP}}
	MulticastCut = Need{"limit for multicast on macvlans (Linux 6.4)", tryMulticastCut, []error{errPassedOver}}
	KernelDummy  = Need{"dummy interfaces", tryDummy, []error{unix.EOPNOTSUPP}}
)

// Program32 is the need of a kernel that runs this program, which was built for
// the machine's 32-bit sibling. A kernel may have been built for such programs
// and told at boot to run none: nothing but running one tells.
func Program32(path string) Need {
	return Need{"32-bit programs", func(testing.TB) error { return exec.Command(path).Run() }, []error{unix.ENOEXEC}}
}

// errPassedOver is what the kernel means that takes an attribute which it does
// not know, and does nothing.
var errPassedOver = errors.New("taken and passed over")

var skipped struct {
	sync.Mutex
	lines []string
}

// Needs skips the test if the kernel says that it has no such feature.
func Needs(t testing.TB, need Need) {
	t.Helper()
	err := need.try(t)
	if err == nil {
		return
	}
	if !slices.ContainsFunc(need.lacking, func(e error) bool { return errors.Is(err, e) }) {
		t.Fatalf("try %s: %v: this is no reason to skip", need.Name, err)
	}
	skipped.Lock()
	skipped.lines = append(skipped.lines, fmt.Sprintf("%s: this kernel has no %s (%v)", t.Name(), need.Name, err))
	skipped.Unlock()
	t.Skipf("this kernel has no %s: %v", need.Name, err)
}

// Lacks tells whether the kernel says that it has no such feature, for tests of
// what mvrun says then.
func Lacks(t testing.TB, need Need) bool {
	t.Helper()
	err := need.try(t)
	return slices.ContainsFunc(need.lacking, func(e error) bool { return errors.Is(err, e) })
}

// tellSkipped prints which tests were skipped and what the kernel said, and adds
// it to the file that MVRUN_SKIPPED names, for the table of make test-vm.
func tellSkipped() error {
	skipped.Lock()
	defer skipped.Unlock()
	slices.Sort(skipped.lines)
	for _, line := range skipped.lines {
		fmt.Println("skipped", line)
	}
	path := os.Getenv("MVRUN_SKIPPED")
	if path == "" || len(skipped.lines) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(skipped.lines, "\n") + "\n")
	return errors.Join(err, f.Close())
}

func tryVLAN(t testing.TB) error {
	n := NewNetns(t)
	Cable(t, n, "probe0", n, "probe1")
	parent := n.Find("probe0")
	return n.Link.LinkAdd(&netlink.Vlan{
		LinkAttrs: netlink.LinkAttrs{Name: "probe0.7", ParentIndex: parent.Attrs().Index}, VlanId: 7,
	})
}

func tryIPVLAN(t testing.TB) error {
	n := NewNetns(t)
	Cable(t, n, "probe0", n, "probe1")
	return n.Link.LinkAdd(&netlink.IPVlan{
		LinkAttrs: netlink.LinkAttrs{Name: "probe2", ParentIndex: n.Find("probe0").Attrs().Index}, Mode: netlink.IPVLAN_MODE_L2,
	})
}

func tryBond(t testing.TB) error {
	return NewNetns(t).Link.LinkAdd(netlink.NewLinkBond(netlink.LinkAttrs{Name: "probe0"}))
}

func tryMulticastCut(t testing.TB) error {
	n := NewNetns(t)
	Cable(t, n, "probe0", n, "probe1")
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "probe2", n.Find("probe0").Attrs().Index
	if err := n.Link.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		return err
	}
	if err := n.SetMulticastCut("probe2", 7); err != nil {
		return err
	}
	if n.MulticastCut("probe2") != 7 {
		return errPassedOver
	}
	return nil
}

func tryDummy(t testing.TB) error {
	return NewNetns(t).Link.LinkAdd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "probe0"}})
}
