package network

import (
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// l2 is the mode of an ipvlan network: the containers share the parent's MAC
// address, and the kernel tells them apart by their IP addresses.
const l2 = "l2"

// ipvlan is the driver for parents that allow one MAC address only.
const ipvlan = "ipvlan"

// completeMode fits the driver and its mode together.
func (c *Config) completeMode() error {
	switch c.Driver {
	case "", "macvlan":
		c.Driver = "macvlan"
		if c.Mode == "" {
			c.Mode = Modes[0]
		}
		if !slices.Contains(Modes, c.Mode) {
			return fmt.Errorf("macvlan mode %q is not known: it is one of %s", c.Mode, anyOf(Modes))
		}
	case ipvlan:
		if c.Mode == "" {
			c.Mode = l2
		}
		if c.Mode != l2 {
			return fmt.Errorf("ipvlan mode %q is not to be had: it is %s, in which the containers are on the LAN itself", c.Mode, l2)
		}
		if c.BCLimit != nil {
			return fmt.Errorf("bclim is an option of macvlan networks")
		}
	default:
		return fmt.Errorf("network driver %q is not known: mvrun's containers sit on the LAN itself, by macvlan or ipvlan", c.Driver)
	}
	return nil
}

func (c *Config) modeName() string {
	if c.Mode == l2 {
		return "ipvlan " + l2
	}
	return c.Mode
}

// carries refuses a parent that can't carry links of the mode.
func carries(parent netlink.Link, mode string) error {
	if parent.Attrs().RawFlags&unix.IFF_SLAVE != 0 {
		// The kernel lets a VLAN sit on it, past the bond: its frames are lost as
		// soon as the bond prefers another port.
		return fmt.Errorf("parent %s is part of a bond: name the bond, which carries its VLANs", parent.Attrs().Name)
	}
	if mode == l2 || !wireless(parent.Attrs()) {
		return nil
	}
	return fmt.Errorf("parent %s is wireless: an access point accepts frames from the one MAC address that logged in, "+
		"and each container has its own. Use a wired interface, or a network that shares the address: network create -d ipvlan", parent.Attrs().Name)
}

// suits refuses a parent that can't have the network.
func (c *Config) suits(parent netlink.Link) error {
	if err := carries(parent, c.Mode); err != nil {
		return err
	}
	if c.Outer != 0 && c.VLANDriver == driverEBPF {
		return errNoQinQ(c.Segment)
	}
	if mtu := parent.Attrs().MTU; c.MTU > mtu {
		return fmt.Errorf("MTU %d is above the %d of parent %s", c.MTU, mtu, parent.Attrs().Name)
	}
	return nil
}

// child is a link on another one, of the mode.
func child(attrs netlink.LinkAttrs, mode string) netlink.Link {
	if mode == l2 {
		return &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2, Flag: netlink.IPVLAN_FLAG_BRIDGE}
	}
	return &netlink.Macvlan{LinkAttrs: attrs, Mode: macvlanMode(mode)}
}
