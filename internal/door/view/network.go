package view

import (
	"net/netip"
	"time"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

// Network is Docker's shape of a network, and at its end what mvrun adds.
type Network struct {
	Name       string
	ID         string `json:"Id"`
	Created    time.Time
	Scope      string
	Driver     string
	EnableIPv4 bool
	EnableIPv6 bool
	IPAM       IPAM
	Internal   bool
	Attachable bool
	Ingress    bool
	ConfigFrom struct{ Network string }
	ConfigOnly bool
	Containers map[string]NetworkContainer // those that run
	Options    map[string]string
	Labels     map[string]string

	VLAN       uint16 // 0: untagged
	OuterVLAN  uint16 `json:",omitempty"` // QinQ: the service VLAN that it is inside
	Parent     string
	Mode       string
	VLANDriver string
	MTU        int     // bytes; 0: the parent's
	Implicit   bool    // made by --vlan, goes with its last container
	Claims     []Claim // who holds what, running or not
}

// Id is the ID as the JSON names it: templates may use either.
func (v Network) Id() string { return v.ID }

type IPAM struct {
	Driver  string
	Options map[string]string
	Config  []Subnet
}

type Subnet struct {
	Subnet             string
	IPRange            string            `json:",omitempty"`
	Gateway            string            `json:",omitempty"`
	AuxiliaryAddresses map[string]string `json:",omitempty"`
}

type NetworkContainer struct {
	Name        string
	EndpointID  string
	MacAddress  string
	IPv4Address string
	IPv6Address string
}

type Claim struct {
	Address    string // empty: on the network without an address
	Container  string
	Name       string
	MacAddress string
	Interface  string
	Since      time.Time
	Running    bool
}

// NewNetwork brings a network with what it is claimed by into Docker's form. running
// tells of a container, by its ID, whether it runs.
func NewNetwork(cfg network.Config, claims []ipam.Claim, running func(id string) bool) Network {
	v := Network{
		Name: cfg.Name, ID: cfg.ID, Created: cfg.Created, Scope: "local", Driver: cfg.Driver,
		EnableIPv4: true, EnableIPv6: cfg.HasIPv6(), Internal: cfg.Internal,
		IPAM:       IPAM{Driver: "default", Options: map[string]string{}, Config: []Subnet{}},
		Containers: map[string]NetworkContainer{}, Options: cfg.Options, Labels: cfg.Labels,
		VLAN: cfg.VID, OuterVLAN: cfg.Outer, Parent: cfg.Parent, Mode: string(cfg.Mode), VLANDriver: string(cfg.VLANDriver), MTU: cfg.MTU, Implicit: cfg.Implicit,
		Claims: []Claim{},
	}
	if v.Options == nil {
		v.Options = map[string]string{}
	}
	if v.Labels == nil {
		v.Labels = map[string]string{}
	}
	for _, sub := range cfg.Subnets {
		v.IPAM.Config = append(v.IPAM.Config, newSubnet(sub))
	}
	for _, c := range claims {
		v.addClaim(c, running(c.Container))
	}
	return v
}

func newSubnet(sub network.Subnet) Subnet {
	v := Subnet{Subnet: sub.Prefix.String()}
	if sub.IPRange.IsValid() {
		v.IPRange = sub.IPRange.String()
	}
	if sub.Gateway.IsValid() {
		v.Gateway = sub.Gateway.String()
	}
	for name, a := range sub.Aux {
		if v.AuxiliaryAddresses == nil {
			v.AuxiliaryAddresses = map[string]string{}
		}
		v.AuxiliaryAddresses[name] = a.String()
	}
	return v
}

func (v *Network) addClaim(c ipam.Claim, running bool) {
	address := ""
	if c.Addr.IsValid() {
		address = netip.PrefixFrom(c.Addr, c.Bits).String()
	}
	v.Claims = append(v.Claims, Claim{
		Address: address, Container: c.Container, Name: c.Name, MacAddress: c.MAC,
		Interface: c.IfName, Since: c.Since, Running: running,
	})
	if !running {
		return
	}
	e := v.Containers[c.Container] // a dual-stack leg has two claims
	e.Name, e.EndpointID, e.MacAddress = c.Name, c.Endpoint, c.MAC
	if c.Addr.Is4() {
		e.IPv4Address = address
	} else if address != "" {
		e.IPv6Address = address
	}
	v.Containers[c.Container] = e
}
