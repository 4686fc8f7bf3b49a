package main

import (
	"fmt"
	"net/netip"

	"github.com/urfave/cli/v2"
)

var networkReleaseCommand = &cli.Command{
	Name:      "release",
	Usage:     "free addresses that stopped containers still have",
	ArgsUsage: "NETWORK ADDRESS…",
	Action: func(c *cli.Context) error {
		if c.NArg() < 2 {
			return errUsage(c, "at least 2 arguments, a network and an address")
		}
		var addrs []netip.Addr
		for _, arg := range c.Args().Tail() {
			a, err := netip.ParseAddr(arg)
			if err != nil {
				return fmt.Errorf("%q is not an IP address", arg)
			}
			addrs = append(addrs, a)
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		for _, a := range addrs {
			if err := e.Networks.Release(c.Context, c.Args().First(), a); err != nil {
				return err
			}
			fmt.Fprintln(c.App.Writer, a)
		}
		return nil
	},
}
