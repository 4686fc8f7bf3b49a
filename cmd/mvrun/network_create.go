package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/config"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
)

var networkCreateCommand = &cli.Command{
	Name:      "create",
	Usage:     "create a network",
	ArgsUsage: "NETWORK",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "driver", Aliases: []string{"d"}, Value: "macvlan", Usage: "macvlan"},
		&cli.StringSliceFlag{Name: "subnet", Usage: "subnet of the addresses, such as 172.16.10.0/24"},
		&cli.StringSliceFlag{Name: "gateway", Usage: "gateway of the subnet (default: its first address)"},
		&cli.StringSliceFlag{Name: "ip-range", Usage: "part of the subnet that automatic addresses come from"},
		&cli.StringSliceFlag{Name: "aux-address", Usage: "address that others have, NAME=ADDRESS"},
		&cli.StringSliceFlag{Name: "opt", Aliases: []string{"o"}, Usage: "parent=IF[.VLAN], macvlan_mode=MODE, vlan_driver=DRIVER or mtu=N"},
		&cli.StringFlag{Name: "vlan", Usage: "VLAN of the parent, 1 to 4094"},
		&cli.StringFlag{Name: "parent", Usage: "NIC that carries the network (default: the one of the default route)"},
		&cli.StringFlag{Name: "vlan-driver", Usage: "auto, kernel or ebpf"},
		&cli.BoolFlag{Name: "internal", Usage: "no gateway and no default route"},
		&cli.StringSliceFlag{Name: "label", Usage: "set a label, KEY=VALUE"},
		&cli.BoolFlag{Name: "ipv6", Usage: "say that the network has an IPv6 subnet"},
		&cli.StringFlag{Name: "ipam-driver", Value: "default", Usage: "default"},
	},
	Action: createNetwork,
}

func createNetwork(c *cli.Context) error {
	if c.NArg() != 1 {
		return errUsage(c, "exactly 1 argument, the network's name")
	}
	cfg, err := readNetworkConfig(c)
	if err != nil {
		return err
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	if cfg, err = s.Networks.Create(cfg); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, cfg.ID)
	return nil
}

func readNetworkConfig(c *cli.Context) (network.Config, error) {
	cfg := network.Config{
		Name: c.Args().First(), Driver: c.String("driver"), Internal: c.Bool("internal"), VLANDriver: c.String("vlan-driver"),
	}
	conf, err := configOf(c)
	if err != nil {
		return cfg, err
	}
	if cfg.VLANDriver == "" {
		cfg.VLANDriver = conf.VLANDriver
	}
	if c.String("ipam-driver") != "default" {
		return cfg, fmt.Errorf("--ipam-driver %s is not known: addresses come from --subnet", c.String("ipam-driver"))
	}
	cfg.Subnets, err = ipam.Parse(c.StringSlice("subnet"), c.StringSlice("gateway"), c.StringSlice("ip-range"), c.StringSlice("aux-address"))
	if err != nil {
		return cfg, err
	}
	if c.Bool("ipv6") && !hasIPv6(cfg) {
		return cfg, fmt.Errorf("--ipv6: give the IPv6 --subnet, too")
	}
	if cfg.Labels, err = labels(c.StringSlice("label"), nil); err != nil {
		return cfg, err
	}
	parent, err := readNetworkOptions(&cfg, c.StringSlice("opt"))
	if err != nil {
		return cfg, err
	}
	if err := cfg.Complete(); err != nil {
		return cfg, err
	}
	if cfg.Segment, err = readSegment(c, conf, parent); err != nil {
		return cfg, err
	}
	return cfg, completeNetwork(conf, &cfg)
}

// readNetworkOptions reads -o, and returns its parent.
func readNetworkOptions(cfg *network.Config, opts []string) (parent string, err error) {
	cfg.Options = map[string]string{}
	for _, opt := range opts {
		key, value, _ := strings.Cut(opt, "=")
		switch key {
		case "parent":
			parent = value
		case "macvlan_mode":
			cfg.Mode = value
		case "vlan_driver":
			cfg.VLANDriver = value
		case "mtu", "com.docker.network.driver.mtu":
			if cfg.MTU, err = strconv.Atoi(value); err != nil || cfg.MTU <= 0 {
				return "", fmt.Errorf("-o %s: it is a number of bytes", opt)
			}
		default:
			return "", fmt.Errorf("-o %s: there is no such option: it is parent, macvlan_mode, vlan_driver or mtu", opt)
		}
		cfg.Options[key] = value
	}
	return parent, nil
}

// readSegment works out the parent and the VLAN from -o parent=, --parent and
// --vlan.
func readSegment(c *cli.Context, conf *config.Config, parent string) (network.Segment, error) {
	if flag := c.String("parent"); flag != "" {
		if parent != "" && parent != flag {
			return network.Segment{}, fmt.Errorf("--parent %s and -o parent=%s: give one of them", flag, parent)
		}
		parent = flag
	}
	vlan := c.String("vlan")
	return network.ResolveSegment(parentOf(conf, parent, vlan), vlan)
}

func hasIPv6(cfg network.Config) bool {
	for _, sub := range cfg.Subnets {
		if sub.Prefix.Addr().Is6() {
			return true
		}
	}
	return false
}
