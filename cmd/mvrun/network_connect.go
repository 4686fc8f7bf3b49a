package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network"
)

var networkConnectCommand = &cli.Command{
	Name:      "connect",
	Usage:     "connect a container to a network, running or not",
	ArgsUsage: "NETWORK CONTAINER",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "ip", Usage: "address, ADDR[/LEN], dhcp or none"},
		&cli.StringFlag{Name: "ip6", Usage: "IPv6 address ADDR[/LEN], slaac, link-local or none"},
		&cli.StringSliceFlag{Name: "alias", Usage: "a further name of the container on the network"},
		&cli.IntFlag{Name: "gw-priority", Usage: "the network with the highest has the default route"},
		&cli.StringFlag{Name: "mac-address", Usage: "MAC address (default: a stable one)"},
		&cli.StringFlag{Name: "ifname", Usage: "name of the interface (default: the first free of eth0, eth1, …)"},
		&cli.IntFlag{Name: "mtu", Usage: "MTU in bytes, at most the parent's"},
		conflictProbeFlag(),
		&cli.StringSliceFlag{Name: "driver-opt", Usage: "com.docker.network.endpoint.ifname=NAME"},
		&cli.StringSliceFlag{Name: "link", Usage: refusedLink},
		&cli.StringSliceFlag{Name: "link-local-ip", Usage: refusedLinkLocal},
	},
	Action: connectNetwork,
}

func connectNetwork(c *cli.Context) error {
	if c.NArg() != 2 {
		return errUsage(c, "exactly 2 arguments, a network and a container")
	}
	req := network.Request{
		Network: c.Args().First(), IfName: c.String("ifname"), GwPriority: c.Int("gw-priority"),
		OwnMTU: c.Int("mtu"), Aliases: c.StringSlice("alias"),
	}
	if err := readAddresses(c, &req); err != nil {
		return err
	}
	if err := refuseLinks(c); err != nil {
		return err
	}
	if c.IsSet("mtu") && req.OwnMTU <= 0 {
		return fmt.Errorf("--mtu %d: it is a number of bytes", req.OwnMTU)
	}
	for _, alias := range req.Aliases {
		if err := checkAlias(alias); err != nil {
			return fmt.Errorf("--alias: %w", err)
		}
	}
	for _, opt := range c.StringSlice("driver-opt") {
		if err := setDriverOption(&req, opt); err != nil {
			return fmt.Errorf("--%w", err)
		}
	}
	var err error
	if req.Probe, err = conflictProbe(c); err != nil {
		return err
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	said, err := e.Networks.Connect(c.Context, c.Args().Get(1), req)
	warnings(c, said)
	return err
}
