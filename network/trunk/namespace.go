package trunk

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is a network namespace held by a descriptor and by nothing else:
// when the last descriptor and the last process in it are gone, the kernel
// takes it apart.
type Namespace struct {
	file   *os.File
	handle *netlink.Handle
}

// NewNamespace makes a namespace in which only lo is, and lo is up. The
// calling thread is back in its own namespace on return.
func NewNamespace() (*Namespace, error) {
	var n *Namespace
	err := excursion(func() error {
		err := unix.Unshare(unix.CLONE_NEWNET)
		if errors.Is(err, unix.EINVAL) {
			return errors.New("this kernel has no network namespaces: use one that has (CONFIG_NET_NS)")
		}
		if err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		f, err := currentNamespace()
		if err != nil {
			return err
		}
		n = &Namespace{file: f}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := n.loopbackUp(); err != nil {
		n.Close()
		return nil, fmt.Errorf("set lo up: %w", err)
	}
	return n, nil
}

// OpenNamespace holds the namespace that path leads to (/proc/<pid>/ns/net).
func OpenNamespace(path string) (*Namespace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return &Namespace{file: f}, nil
}

// File is the namespace's descriptor, close-on-exec. It belongs to n.
func (n *Namespace) File() *os.File { return n.file }

// Handle speaks rtnetlink with the namespace, from any thread. It belongs to n
// and is made on first use.
func (n *Namespace) Handle() (*netlink.Handle, error) {
	if n.handle == nil {
		h, err := netlink.NewHandleAt(netns.NsHandle(n.file.Fd()), unix.NETLINK_ROUTE)
		if err != nil {
			return nil, fmt.Errorf("open netlink in the namespace: %w", err)
		}
		n.handle = h
	}
	return n.handle, nil
}

// Do calls fn with the calling thread in the namespace. Sockets that fn opens
// stay in it. fn must not start goroutines that need it: they run elsewhere.
func (n *Namespace) Do(fn func() error) error {
	return excursion(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return fn()
	})
}

// Close gives the descriptors back. Idempotent.
func (n *Namespace) Close() error {
	if n.handle != nil {
		n.handle.Close()
		n.handle = nil
	}
	if err := n.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

func (n *Namespace) loopbackUp() error {
	h, err := n.Handle()
	if err != nil {
		return err
	}
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	return h.LinkSetUp(lo)
}

func currentNamespace() (*os.File, error) {
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open own network namespace: %w", err)
	}
	return f, nil
}

// excursion runs fn, which may leave the network namespace, and brings the
// thread back. A thread that can't come back stays locked and dies with its
// goroutine: no other code may run in a foreign namespace.
func excursion(fn func() error) (err error) {
	runtime.LockOSThread()
	home, err := currentNamespace()
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	defer func() {
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, fmt.Errorf("return to own network namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return fn()
}

// HoldNamespace is the namespace that the descriptor leads to, and its from then
// on.
func HoldNamespace(f *os.File) *Namespace { return &Namespace{file: f} }
