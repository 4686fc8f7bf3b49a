package network

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// host speaks rtnetlink with the namespace of the thread that opened it.
type host struct{ *netlink.Handle }

func openHost() (host, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return host{}, fmt.Errorf("open netlink: %w", err)
	}
	return host{h}, nil
}

// find looks a link up by name, also an alternative one; nil if there is none.
func (h host) find(name string) (netlink.Link, error) {
	return present(h.LinkByName(name))
}

// byIndex looks a link up by index; nil if there is none.
func (h host) byIndex(index int) (netlink.Link, error) {
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
func (h host) parent(name string) (netlink.Link, error) {
	if name == "" {
		return nil, errors.New("a parent interface is needed")
	}
	link, err := h.find(name)
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
