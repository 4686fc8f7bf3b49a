package main

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/config"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
	"github.com/mvrun/mvrun/network/trunk"
)

// configOf reads the configuration file, once. Commands that need nothing of
// it don't ask, and work with a broken one.
func configOf(c *cli.Context) (*config.Config, error) {
	const key = "config"
	if conf, ok := c.App.Metadata[key].(*config.Config); ok {
		return conf, nil
	}
	conf, err := config.Load(c.String("config"))
	if err == nil {
		c.App.Metadata[key] = conf
	}
	return conf, err
}

// vlanOf is what the file says of the VLAN that the words mean. Another parent
// than the file's is another LAN, of which it knows nothing.
func vlanOf(conf *config.Config, parent string, tags network.Tags) (v config.VLAN, known bool) {
	if len(conf.VLANs) == 0 {
		return config.VLAN{}, false
	}
	if tags == (network.Tags{}) { // --parent enp0s9.10
		seg, err := trunk.ResolveSegment(parent, tags)
		if err != nil || seg.VID == 0 {
			return config.VLAN{}, false
		}
		parent, tags = seg.Parent, network.Tags{VID: seg.VID, Outer: seg.Outer}
	}
	vlan := tags.String()
	if at := conf.ParentOf(vlan); at != "" && at != parent {
		return config.VLAN{}, false
	}
	v, known = conf.VLANs[vlan]
	return v, known
}

// completeLeg fills in what the command line left to the file, for the short
// form, and returns what the file says of the VLAN.
func completeLeg(conf *config.Config, leg *network.Request) config.VLAN {
	leg.Parent = parentOf(conf, leg.Parent, leg.VLAN)
	if leg.VLANDriver == "" {
		leg.VLANDriver = conf.VLANDriver
	}
	v, _ := vlanOf(conf, leg.Parent, leg.VLAN)
	leg.Subnets, leg.MTU = subnetsOf(v), v.MTU
	return v
}

func parentOf(conf *config.Config, parent string, vlan network.Tags) string {
	if parent != "" {
		return conf.Interface(parent)
	}
	return conf.ParentOf(vlan.String())
}

func subnetsOf(v config.VLAN) (all []network.Subnet) {
	add := func(s network.Subnet, g config.Gateway) {
		switch {
		case !s.Prefix.IsValid():
			return
		case g.Addr.IsValid():
			s.Gateway = g.Addr
		case !g.None:
			s.Gateway = s.DefaultGateway()
		}
		all = append(all, s)
	}
	add(ipam.Subnet{Prefix: v.Subnet, IPRange: v.IPRange}, v.Gateway)
	add(ipam.Subnet{Prefix: v.Subnet6, IPRange: v.IPRange6}, v.Gateway6)
	return all
}

// completeNetwork gives a network that is created without a subnet the one of
// its VLAN.
func completeNetwork(conf *config.Config, cfg *network.Config) error {
	v, known := vlanOf(conf, cfg.Parent, network.Tags{VID: cfg.VID, Outer: cfg.Outer})
	if !known {
		return nil
	}
	if cfg.MTU == 0 {
		cfg.MTU = v.MTU
	}
	if len(cfg.Subnets) > 0 {
		return nil
	}
	cfg.Subnets = subnetsOf(v)
	without := 0
	for _, s := range cfg.Subnets {
		if !s.Gateway.IsValid() {
			without++
		}
	}
	switch {
	case len(cfg.Subnets) == 0:
	case without == len(cfg.Subnets):
		cfg.Internal = true
	case without > 0:
		return fmt.Errorf("VLAN %s has a gateway in one family alone in %s: say with --subnet and --gateway what the network is to have", cfg.Tags(), conf.Path)
	}
	return cfg.Complete()
}

// logDefaults are the file's, as --log-opt would say them.
func logDefaults(conf *config.Config) (opts []string) {
	if conf.Log.MaxSize != "" {
		opts = append(opts, "max-size="+conf.Log.MaxSize)
	}
	if conf.Log.MaxFile != 0 {
		opts = append(opts, "max-file="+strconv.Itoa(conf.Log.MaxFile))
	}
	return opts
}

// registries says how registries are spoken to.
func registries(c *cli.Context) (registry.Registries, error) {
	conf, err := configOf(c)
	if err != nil {
		return registry.Registries{}, err
	}
	r := registry.Registries{Insecure: conf.Registries.Insecure, Mirrors: conf.Registries.Mirrors}
	if c.Bool("insecure") {
		r.Insecure = []string{"*"}
	}
	return r, nil
}
