package store

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
)

// resolve finds the leg's network, or makes the implicit one of its segment.
func (p *plan) resolve(l *leg) error {
	if err := l.readAddresses(); err != nil {
		return err
	}
	if l.Network != "" {
		return p.named(l)
	}
	if l.VLAN == (network.Tags{}) && l.Parent == "" {
		return errors.New("a network, a VLAN or a parent is needed")
	}
	seg, err := p.handle.Segment(l.Parent, l.VLAN)
	if err != nil {
		return err
	}
	if l.net, err = p.network(seg, l); err != nil {
		return err
	}
	parent, err := p.handle.Parent(l.net.Parent)
	if err != nil {
		return err
	}
	if l.net.Outer != 0 && (l.VLANDriver == network.DriverEBPF || l.VLANDriver == "" && l.net.VLANDriver == network.DriverEBPF) {
		return trunk.NoQinQError(l.net.Segment)
	}
	return trunk.Suits(parent, l.net.Mode)
}

func (p *plan) named(l *leg) error {
	cfg, err := p.store.Get(l.Network)
	switch {
	case err != nil:
		return err
	case cfg.Predefined():
		return fmt.Errorf("network %s can't be combined with other networks", cfg.Name)
	}
	if l.VLAN != (network.Tags{}) || l.Parent != "" {
		seg, err := p.handle.Segment(l.Parent, l.VLAN)
		if err != nil {
			return err
		}
		if seg != cfg.Segment {
			return fmt.Errorf("network %s is on %s, not on %s", cfg.Name, cfg.Segment, seg)
		}
	}
	l.net = cfg
	return nil
}

// network chooses among the networks of a segment: the user's whose subnet the
// address is in, or, for an automatic address, the only one with a subnet;
// else the implicit one.
func (p *plan) network(seg network.Segment, l *leg) (network.Config, error) {
	nets, err := p.store.onSegment(seg)
	if err != nil {
		return network.Config{}, err
	}
	asked := l.asked()
	var implicit *network.Config
	var fit []network.Config
	for i, cfg := range nets {
		switch {
		case cfg.Implicit:
			implicit = &nets[i]
		case len(asked) > 0 && holds(cfg, asked), len(asked) == 0 && l.IP.Word == "" && len(cfg.Subnets) > 0:
			fit = append(fit, cfg)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return network.Config{}, fmt.Errorf("%s has several networks (%s, %s …): name one of them, or an address", seg, fit[0].Name, fit[1].Name)
	case implicit != nil:
		return *implicit, nil
	}
	return p.implicit(seg)
}

// holds tells whether the network has a subnet for one of the addresses: for
// the others there is none, which place says.
func holds(cfg network.Config, addrs []netip.Addr) bool {
	for _, sub := range cfg.Subnets {
		if slices.ContainsFunc(addrs, sub.Prefix.Contains) {
			return true
		}
	}
	return false
}

// notInName is what an interface name may hold and a network's may not.
var notInName = regexp.MustCompile(`[^a-zA-Z0-9_.-]`)

// implicit makes the network that --vlan stands for. A name that is taken, as
// a user's network on another segment may be called enp0s9.10, gets a number.
func (p *plan) implicit(seg network.Segment) (network.Config, error) {
	base := strings.TrimLeft(notInName.ReplaceAllString(seg.String(), "_"), "_.-")
	cfg := network.Config{Name: base, Segment: seg, Implicit: true}
	for n := 2; p.store.there(cfg.Name); n++ {
		cfg.Name = base + "-" + strconv.Itoa(n)
	}
	if err := cfg.Complete(); err != nil {
		return network.Config{}, err
	}
	cfg, err := p.store.write(cfg)
	if err == nil {
		p.made = append(p.made, cfg.Name)
	}
	return cfg, err
}
