package trunk

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/rtnl"
	"github.com/mvrun/mvrun/network"
)

// host speaks rtnetlink with the namespace of the thread that opened it.
type Handle struct{ *netlink.Handle }

func Open() (Handle, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return Handle{}, fmt.Errorf("open netlink: %w", err)
	}
	return Handle{h}, nil
}

// find looks a link up by name, also an alternative one; nil if there is none.
func (h Handle) Find(name string) (netlink.Link, error) {
	return present(h.LinkByName(name))
}

// byIndex looks a link up by index; nil if there is none.
func (h Handle) ByIndex(index int) (netlink.Link, error) {
	return present(h.LinkByIndex(index))
}

func present(link netlink.Link, err error) (netlink.Link, error) {
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil, nil
	}
	return link, err
}

// parent finds the NIC that is to carry containers and refuses one that never
// can.
func (h Handle) Parent(name string) (netlink.Link, error) {
	if name == "" {
		return nil, errors.New("a parent interface is needed")
	}
	link, err := h.Find(name)
	if err != nil {
		return nil, fmt.Errorf("parent %s: %w", name, err)
	}
	switch {
	case link == nil:
		return nil, fmt.Errorf("parent %s: this host has no such interface", name)
	case link.Attrs().Flags&net.FlagLoopback != 0:
		return nil, fmt.Errorf("parent %s is the loopback interface: containers need a real one", name)
	}
	return link, nil
}

// Links lists all links.
func (h Handle) Links() ([]netlink.Link, error) { return rtnl.Dump(h.LinkList) }

// Addrs lists a link's addresses.
func (h Handle) Addrs(link netlink.Link, family int) ([]netlink.Addr, error) {
	return rtnl.Dump(func() ([]netlink.Addr, error) { return h.AddrList(link, family) })
}

// Routes lists a link's routes.
func (h Handle) Routes(link netlink.Link, family int) ([]netlink.Route, error) {
	return rtnl.Dump(func() ([]netlink.Route, error) { return h.RouteList(link, family) })
}

// RefuseHosts refuses an address that the host itself has on the link that a
// macvlan sits on: it does not hear its own parent's host, nor would the two ever
// reach each other, so no probe could tell.
func (h Handle) RefuseHosts(below netlink.Link, wanted []netip.Addr) error {
	have, err := h.Addrs(below, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("read addresses of %s: %w", below.Attrs().Name, err)
	}
	for _, a := range have {
		ip, ok := netip.AddrFromSlice(a.IP)
		if ok && slices.Contains(wanted, ip.Unmap()) {
			return &network.AddressTaken{By: network.ByHost, Err: fmt.Errorf("address %s %w: this host itself has it on %s", ip.Unmap(), network.ErrTaken, below.Attrs().Name)}
		}
	}
	return nil
}
