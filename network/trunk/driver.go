package trunk

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/network"
)

// Driver makes interfaces of one mode on a link, and knows how they behave.
type Driver interface {
	// Make is the interface, to be added where the attributes say.
	Make(netlink.LinkAttrs) netlink.Link
	// Explain says what an error of adding it means; below is the link's name.
	Explain(err error, below string) error
	// AsksFromBelow tells whether questions to the LAN about an address go out
	// from the link below the interface.
	AsksFromBelow() bool
}

// DriverOf is the driver of a mode.
func DriverOf(m network.Mode) Driver {
	if m.Kind() == network.IPVlan {
		return ipvlan{}
	}
	return macvlan{m}
}

type macvlan struct{ mode network.Mode }

func (d macvlan) Make(attrs netlink.LinkAttrs) netlink.Link {
	mode := map[network.Mode]netlink.MacvlanMode{
		network.Bridge:   netlink.MACVLAN_MODE_BRIDGE,
		network.VEPA:     netlink.MACVLAN_MODE_VEPA,
		network.Private:  netlink.MACVLAN_MODE_PRIVATE,
		network.Passthru: netlink.MACVLAN_MODE_PASSTHRU,
	}[d.mode]
	return &netlink.Macvlan{LinkAttrs: attrs, Mode: mode}
}

func (d macvlan) Explain(err error, below string) error {
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("this kernel has no macvlan (CONFIG_MACVLAN, module macvlan): %w", err)
	case errors.Is(err, unix.EINVAL) && d.mode.Exclusive():
		return fmt.Errorf("%s has macvlans already, and passthru mode has its parent to itself: %w", below, err)
	}
	return explain(err, below)
}

func (macvlan) AsksFromBelow() bool { return false }

// ipvlan shares the MAC address of the link below. Answers to a question about
// an address go to that MAC address alone, and the kernel gives them to the link
// below for as long as no ipvlan has the address.
type ipvlan struct{}

func (ipvlan) Make(attrs netlink.LinkAttrs) netlink.Link {
	return &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2, Flag: netlink.IPVLAN_FLAG_BRIDGE}
}

func (ipvlan) Explain(err error, below string) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("this kernel has no ipvlan (CONFIG_IPVLAN, module ipvlan): %w", err)
	}
	return explain(err, below)
}

func (ipvlan) AsksFromBelow() bool { return true }

// explain has what is the same for both kinds.
func explain(err error, below string) error {
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%s is part of a bridge or a bond, or carries ipvlan: use that, or another parent: %w", below, err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s takes no macvlan (it is used in passthru mode, or is no Ethernet interface): %w", below, err)
	}
	return fmt.Errorf("make macvlan: %w", err)
}

// Suits refuses a parent that can't carry interfaces of the mode.
func Suits(parent netlink.Link, mode network.Mode) error {
	if parent.Attrs().RawFlags&unix.IFF_SLAVE != 0 {
		// The kernel lets a VLAN sit on it, past the bond: its frames are lost as
		// soon as the bond prefers another port.
		return fmt.Errorf("parent %s is part of a bond: name the bond, which carries its VLANs", parent.Attrs().Name)
	}
	if mode.Kind() == network.IPVlan || !wireless(parent.Attrs()) {
		return nil
	}
	return fmt.Errorf("parent %s is wireless: an access point accepts frames from the one MAC address that logged in, "+
		"and each container has its own. Use a wired interface, or a network that shares the address: network create -d ipvlan", parent.Attrs().Name)
}
