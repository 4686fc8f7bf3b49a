package network

import (
	"fmt"
	"slices"
)

// Mode says how the containers of a network sit on the link below them. It is
// the name of a driver: what sets the modes apart is asked of it, and nowhere
// decided by a comparison of names.
type Mode string

const (
	Bridge   Mode = "bridge"   // macvlans that reach each other
	VEPA     Mode = "vepa"     // macvlans that reach each other by way of the switch
	Private  Mode = "private"  // macvlans that don't reach each other
	Passthru Mode = "passthru" // one macvlan with the MAC address of the link below
	L2       Mode = "l2"       // ipvlans: one MAC address, told apart by their IP addresses
)

// The kinds of interface that the modes are of, as the kernel calls them.
const (
	Macvlan = "macvlan"
	IPVlan  = "ipvlan" // for parents that allow one MAC address only
)

// modeDriver is what a mode means for a network and its endpoints.
type modeDriver struct {
	kind       string // of interface
	sharesMAC  bool   // the container has the MAC address of the link below
	exclusive  bool   // it has the link below to itself
	hostAccess bool   // an interface of the host beside it reaches the containers
}

var modeDrivers = map[Mode]modeDriver{
	Bridge:   {kind: Macvlan, hostAccess: true},
	VEPA:     {kind: Macvlan},
	Private:  {kind: Macvlan},
	Passthru: {kind: Macvlan, sharesMAC: true, exclusive: true},
	L2:       {kind: IPVlan, sharesMAC: true, hostAccess: true},
}

// MacvlanModes are those of macvlan networks, the default first.
var MacvlanModes = []Mode{Bridge, VEPA, Private, Passthru}

// Kind is the kind of interface that the container gets. A link carries
// interfaces of one kind only.
func (m Mode) Kind() string { return modeDrivers[m].kind }

// SharesMAC tells whether the container has the MAC address of the link below
// it, and can't have one of its own.
func (m Mode) SharesMAC() bool { return modeDrivers[m].sharesMAC }

// Exclusive tells whether an endpoint has the link below to itself.
func (m Mode) Exclusive() bool { return modeDrivers[m].exclusive }

// HostAccess tells whether the host can have an interface beside the
// containers' that reaches them.
func (m Mode) HostAccess() bool { return modeDrivers[m].hostAccess }

// Named is the mode as a sentence has it.
func (m Mode) Named() string {
	if m.Kind() == IPVlan {
		return IPVlan + " " + string(m)
	}
	return string(m)
}

// Company says why endpoints of the two modes can't be on one link, by the
// words alone: "" if they can.
func (m Mode) Company(other Mode) (why string) {
	switch {
	case m.Kind() != other.Kind():
		return "an interface carries macvlan or ipvlan, not both"
	case m.Exclusive() || other.Exclusive():
		return "passthru mode has its parent to itself"
	}
	return ""
}

// completeMode fits the driver and its mode together.
func (c *Config) completeMode() error {
	switch c.Driver {
	case "", Macvlan:
		c.Driver = Macvlan
		if c.Mode == "" {
			c.Mode = MacvlanModes[0]
		}
		if !slices.Contains(MacvlanModes, c.Mode) {
			return fmt.Errorf("macvlan mode %q is not known: it is one of %s", string(c.Mode), anyOf(MacvlanModes))
		}
	case IPVlan:
		if c.Mode == "" {
			c.Mode = L2
		}
		if c.Mode != L2 {
			return fmt.Errorf("ipvlan mode %q is not to be had: it is %s, in which the containers are on the LAN itself", string(c.Mode), L2)
		}
		if c.BCLimit != nil {
			return fmt.Errorf("bclim is an option of macvlan networks")
		}
	default:
		return fmt.Errorf("network driver %q is not known: mvrun's containers sit on the LAN itself, by macvlan or ipvlan", c.Driver)
	}
	return nil
}

func anyOf[W ~string](words []W) string {
	s := ""
	for i, w := range words {
		switch {
		case i == 0:
			s = string(w)
		case i == len(words)-1:
			s += " or " + string(w)
		default:
			s += ", " + string(w)
		}
	}
	return s
}
