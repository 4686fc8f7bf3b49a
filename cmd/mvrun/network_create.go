package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/config"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/ipam"
	"github.com/mvrun/mvrun/network/trunk"
)

var networkCreateCommand = &cli.Command{
	Name:      "create",
	Usage:     "create a network",
	ArgsUsage: "NETWORK",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "driver", Aliases: []string{"d"}, Value: "macvlan", Usage: "macvlan, or ipvlan for parents that allow one MAC address"},
		&cli.StringSliceFlag{Name: "subnet", Usage: "subnet of the addresses, such as 172.16.10.0/24"},
		&cli.StringSliceFlag{Name: "gateway", Usage: "gateway of the subnet, wherever it is, or none (default: its first address)"},
		&cli.StringSliceFlag{Name: "ip-range", Usage: "part of the subnet that automatic addresses come from"},
		&cli.StringSliceFlag{Name: "aux-address", Usage: "address that others have, NAME=ADDRESS"},
		&cli.StringSliceFlag{Name: "opt", Aliases: []string{"o"}, Usage: "parent=IF[.VLAN], macvlan_mode=MODE, ipvlan_mode=l2, vlan_driver=DRIVER, mtu=N, bclim=N or host_access=true|ADDRESS"},
		&cli.StringFlag{Name: "vlan", Usage: "VLAN of the parent, 1 to 4094"},
		&cli.StringFlag{Name: "parent", Usage: "NIC that carries the network (default: the one of the default route)"},
		&cli.StringFlag{Name: "vlan-driver", Usage: "auto, kernel or ebpf"},
		&cli.IntFlag{Name: "mtu", Usage: "MTU in bytes, at most the parent's"},
		&cli.BoolFlag{Name: "host-access", Usage: "let this host and the containers reach each other"},
		&cli.StringFlag{Name: "ip6", Usage: "IPv6 of containers that don't say: slaac or link-local"},
		&cli.BoolFlag{Name: "internal", Usage: "no gateway and no default route"},
		&cli.StringSliceFlag{Name: "label", Usage: "set a label, KEY=VALUE"},
		&cli.BoolFlag{Name: "ipv6", Usage: "say that the network has IPv6: a --subnet, or --ip6"},
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
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	if cfg, err = e.Networks.Create(c.Context, cfg); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, cfg.ID)
	return nil
}

func readNetworkConfig(c *cli.Context) (network.Config, error) {
	cfg := network.Config{
		Name: c.Args().First(), Driver: c.String("driver"), IPv6: c.String("ip6"), Internal: c.Bool("internal"), VLANDriver: network.VLANDriver(c.String("vlan-driver")),
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
	if c.Bool("ipv6") && !cfg.HasIPv6() {
		return cfg, fmt.Errorf("--ipv6: give the IPv6 --subnet, too, or --ip6 slaac")
	}
	if cfg.MTU = c.Int("mtu"); c.IsSet("mtu") && cfg.MTU <= 0 {
		return cfg, fmt.Errorf("--mtu %d: it is a number of bytes", cfg.MTU)
	}
	if cfg.Labels, err = labels(c.StringSlice("label"), nil); err != nil {
		return cfg, err
	}
	parent, err := readNetworkOptions(&cfg, c.StringSlice("opt"))
	if err != nil {
		return cfg, err
	}
	if c.Bool("host-access") && cfg.HostAccess == "" {
		cfg.HostAccess = "true"
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
		if key == "parent" {
			parent = value
		} else if err := readNetworkOption(cfg, key, value); err != nil {
			return "", fmt.Errorf("-o %s: %w", opt, err)
		}
		cfg.Options[key] = value
	}
	return parent, nil
}

func readNetworkOption(cfg *network.Config, key, value string) (err error) {
	switch key {
	case "macvlan_mode", "ipvlan_mode":
		if !strings.HasPrefix(key, cfg.Driver) {
			return fmt.Errorf("it is an option of another driver than %s (-d)", cfg.Driver)
		}
		cfg.Mode = network.Mode(value)
	case "vlan_driver":
		cfg.VLANDriver = network.VLANDriver(value)
	case "mtu", "com.docker.network.driver.mtu":
		if cfg.MTU, err = strconv.Atoi(value); err != nil || cfg.MTU <= 0 {
			return errors.New("it is a number of bytes")
		}
	case "bclim":
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < -1 {
			return errors.New("it is a number of receivers, or -1: broadcasts to fewer are delivered at once, to more by the kernel's queue")
		}
		limit := int32(n)
		cfg.BCLimit = &limit
	case "host_access":
		if cfg.HostAccess = value; value == "false" {
			cfg.HostAccess = ""
		}
	default:
		return errors.New("there is no such option: it is parent, macvlan_mode, ipvlan_mode, vlan_driver, mtu, bclim or host_access")
	}
	return nil
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
	var vlan network.Tags
	if c.IsSet("vlan") {
		var err error
		if vlan, err = network.ParseTags(c.String("vlan")); err != nil {
			return network.Segment{}, err
		}
	}
	return trunk.ResolveSegment(parentOf(conf, parent, vlan), vlan)
}
