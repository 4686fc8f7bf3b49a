package prestart

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/endpoint"
	"github.com/mvrun/mvrun/network/store"
	"github.com/mvrun/mvrun/network/trunk"
)

const nic = "enp0s9"

// lab is two hosts, each a network namespace, and a cable between them: a veth
// named enp0s9 in both. The test's thread is on host 0.
type lab struct {
	t     *testing.T
	hosts [2]*trunk.Namespace
	store [2]*endpoint.Manager
	dead  map[string]bool // containers that are no more
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	l := &lab{t: t, dead: map[string]bool{}}
	alive := func(id string) bool { return !l.dead[id] }
	for i := range l.hosts {
		l.hosts[i] = mustNamespace(t)
		s := &store.Store{Dir: filepath.Join(t.TempDir(), "networks"), Exists: alive, Running: alive}
		l.store[i] = &endpoint.Manager{Store: s, Trunk: trunk.Trunk{Dir: filepath.Join(t.TempDir(), "links"), Running: alive}}
	}
	h, err := l.hosts[0].Handle()
	must(t, err)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nic
	must(t, h.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: nic, PeerNamespace: netlink.NsFd(l.hosts[1].File().Fd())}))
	for _, ns := range l.hosts {
		h, err := ns.Handle()
		must(t, err)
		link, err := h.LinkByName(nic)
		must(t, err)
		must(t, h.LinkSetUp(link))
	}
	runtime.LockOSThread() // it dies with the test
	must(t, unix.Setns(int(l.hosts[0].File().Fd()), unix.CLONE_NEWNET))
	return l
}

func mustNamespace(t *testing.T) *trunk.Namespace {
	t.Helper()
	ns, err := trunk.NewNamespace()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("no network namespace to be had: %v", err)
	}
	must(t, err)
	t.Cleanup(func() { ns.Close() })
	return ns
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start attaches a container on host i.
func (l *lab) start(i int, id string, req network.Request) (at network.Attachment) {
	l.t.Helper()
	owner := network.Owner{ID: id, Name: id}
	must(l.t, l.hosts[i].Do(func() error {
		eps, _, err := l.store[i].Store.Plan(owner, []network.Request{req})
		if err != nil {
			return err
		}
		attached, err := l.store[i].Attach(l.t.Context(), mustNamespace(l.t), owner, eps[0], endpoint.Hooks{})
		if err == nil {
			l.t.Cleanup(attached.Stop)
			at = attached.Attachment()
		}
		return err
	}))
	return at
}

// inventory names the links of host 0.
func (l *lab) inventory() (names []string) {
	l.t.Helper()
	h, err := trunk.Open()
	must(l.t, err)
	defer h.Close()
	links, err := h.Links()
	must(l.t, err)
	for _, link := range links {
		names = append(names, link.Attrs().Name)
	}
	slices.Sort(names)
	return names
}

// clean checks that host 0 is as it was, in the kernel and in the ledger.
func (l *lab) clean(before []string) {
	l.t.Helper()
	if after := l.inventory(); !slices.Equal(before, after) {
		l.t.Errorf("left: %v, before: %v", after, before)
	}
	found, err := l.store[0].Trunk.Ledger().Scan()
	must(l.t, err)
	if len(found.Links)+len(found.Users)+len(found.Parents)+len(found.Others) > 0 {
		l.t.Errorf("left in the ledger: %+v", found)
	}
}

// tags and address read the words of a request; a test's are right.
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
