package network

import (
	"fmt"
	"slices"
	"time"

	"github.com/mvrun/mvrun/network/ipam"
)

// Subnet is one pool of addresses on a network.
type Subnet = ipam.Subnet

// Config is a network: a named segment with its addresses. It is what
// networks/<name>/network.json holds.
type Config struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Driver     string `json:"driver"` // macvlan
	Segment    `json:"segment"`
	Mode       Mode              `json:"mode,omitempty"` // bridge, vepa, private or passthru
	Subnets    []Subnet          `json:"subnets,omitempty"`
	Internal   bool              `json:"internal,omitempty"` // no gateway, no default route
	Implicit   bool              `json:"implicit,omitempty"` // made by --vlan, gone with its last claim
	Labels     map[string]string `json:"labels,omitempty"`
	Options    map[string]string `json:"options,omitempty"`     // as typed, for inspect
	VLANDriver VLANDriver        `json:"vlan_driver,omitempty"` // auto, kernel or ebpf
	MTU        int               `json:"mtu,omitempty"`         // bytes; 0: the parent's
	IPv6       string            `json:"ipv6,omitempty"`        // of endpoints that don't say: slaac, link-local, or the subnets'
	// HostAccess is "true", or the address that the host is to have; then host
	// and containers reach each other.
	HostAccess string    `json:"host_access,omitempty"`
	BCLimit    *int32    `json:"bclim,omitempty"` // see -o bclim; nil: the kernel's
	Created    time.Time `json:"created"`
}

// Predefined tells the networks that mvrun always has.
func (c Config) Predefined() bool { return c.Driver == "null" || c.Driver == "host" }

// HasIPv6 tells whether one of the network's subnets is of IPv6.
func (c Config) HasIPv6() bool {
	return slices.ContainsFunc(c.Subnets, func(s Subnet) bool { return s.Prefix.Addr().Is6() })
}

// Complete fills in what was left open and says what is wrong with the rest.
// It looks at the words alone, not at the host.
func (c *Config) Complete() error {
	if err := checkName(c.Name); err != nil {
		return err
	}
	if c.Name == None || c.Name == Host {
		return fmt.Errorf("network name %s is taken by a pre-defined network", c.Name)
	}
	if err := c.completeMode(); err != nil {
		return err
	}
	if c.VLANDriver == "" {
		c.VLANDriver = DriverAuto
	}
	if _, err := ParseVLANDriver(string(c.VLANDriver)); err != nil {
		return err
	}
	if c.MTU != 0 && (c.MTU < 68 || c.MTU > 65535) { // RFC 791: every module must be able to forward 68
		return fmt.Errorf("MTU %d: it is a number of bytes from 68 to 65535", c.MTU)
	}
	if c.IPv6 != "" && c.IPv6 != SLAAC && c.IPv6 != LinkLocal {
		return fmt.Errorf("--ip6 %s: of a network it is slaac or link-local; its own addresses come from an IPv6 --subnet", c.IPv6)
	}
	if err := c.completeSubnets(); err != nil {
		return err
	}
	return c.checkHostAccess()
}

func (c *Config) completeSubnets() error {
	for i := range c.Subnets {
		sub := &c.Subnets[i]
		if !sub.Gateway.IsValid() && !sub.NoGateway && !c.Internal && sub.Prefix.IsValid() {
			sub.Gateway = sub.DefaultGateway()
		}
		if err := sub.Validate(); err != nil {
			return err
		}
		for _, other := range c.Subnets[:i] {
			if other.Prefix.Overlaps(sub.Prefix) {
				return fmt.Errorf("subnets %s and %s overlap", other.Prefix, sub.Prefix)
			}
		}
	}
	return nil
}
