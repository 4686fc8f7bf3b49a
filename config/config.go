// Package config reads the configuration file of a host. What the file says
// are defaults of the command line, so that one line does the same on every
// host, whatever their NICs are called.
package config

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/mvrun/mvrun/network"
)

// DefaultPath is where the file is looked for unless another one is named.
const DefaultPath = "/etc/mvrun/config.toml"

// Config is the file. The zero value is the one of a host without a file.
type Config struct {
	Path string `toml:"-"` // where it was read, empty if there is none

	Parent        string             `toml:"parent"`         // alias or interface, for commands that name none
	VLANDriver    network.VLANDriver `toml:"vlan-driver"`    // auto, kernel or ebpf
	ConflictProbe string             `toml:"conflict-probe"` // duration, or off
	Parents       map[string]string  `toml:"parents"`        // alias to interface
	VLANs         map[string]VLAN    `toml:"vlan"`           // by VLAN id as it is typed
	Log           Log                `toml:"log"`
	Registries    Registries         `toml:"registries"`
}

// VLAN is what is known of one VLAN of the LAN.
type VLAN struct {
	Parent    string       `toml:"parent"` // alias or interface
	Subnet    netip.Prefix `toml:"subnet"`
	Gateway   Gateway      `toml:"gateway"`
	IPRange   netip.Prefix `toml:"ip-range"` // automatic addresses of this host come from here
	Subnet6   netip.Prefix `toml:"subnet6"`
	Gateway6  Gateway      `toml:"gateway6"`
	IPRange6  netip.Prefix `toml:"ip-range6"`
	DNS       []netip.Addr `toml:"dns"`
	DNSSearch []string     `toml:"dns-search"`
	MTU       int          `toml:"mtu"` // bytes
}

// Gateway is an address, "none", or, left out, the first address of the subnet
// as for a network that is created.
type Gateway struct {
	Addr netip.Addr
	None bool
}

// UnmarshalText reads an address or "none".
func (g *Gateway) UnmarshalText(text []byte) (err error) {
	if g.None = string(text) == "none"; g.None {
		return nil
	}
	g.Addr, err = netip.ParseAddr(string(text))
	if err == nil && g.Addr.Zone() != "" {
		err = errors.New("a zone means nothing to other hosts")
	}
	return err
}

// Log are the defaults of --log-driver and --log-opt.
type Log struct {
	Driver  string `toml:"driver"`   // "none" keeps no log
	MaxSize string `toml:"max-size"` // of one file, such as 20m
	MaxFile int    `toml:"max-file"` // files kept
}

// Registries say how registries are spoken to.
type Registries struct {
	Insecure []string            `toml:"insecure"` // hosts that plain HTTP or an unknown certificate will do for
	Mirrors  map[string][]string `toml:"mirrors"`  // by registry, the hosts to ask before it
}

// Interface is what an alias stands for, and any other name itself. The alias
// may have a VLAN behind it: trunk.10, or trunk.100.10.
func (c *Config) Interface(name string) string {
	if to, ok := c.Parents[name]; ok {
		return to
	}
	alias, tags, tagged := strings.Cut(name, ".")
	if to, ok := c.Parents[alias]; ok && tagged {
		return to + "." + tags
	}
	return name
}

// ParentOf is the interface that carries the VLAN ("" is none) when the command
// names no parent; empty if the file names none either.
func (c *Config) ParentOf(vlan string) string {
	if p := c.VLANs[vlan].Parent; p != "" {
		return c.Interface(p)
	}
	return c.Interface(c.Parent)
}
