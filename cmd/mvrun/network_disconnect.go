package main

import "github.com/urfave/cli/v2"

var networkDisconnectCommand = &cli.Command{
	Name:      "disconnect",
	Usage:     "take a container off a network, running or not",
	ArgsUsage: "NETWORK CONTAINER",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "a container that is not connected, or not there, is no error"},
	},
	Action: disconnectNetwork,
}

func disconnectNetwork(c *cli.Context) error {
	if c.NArg() != 2 {
		return errUsage(c, "exactly 2 arguments, a network and a container")
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	return e.Networks.Disconnect(c.Context, c.Args().Get(1), c.Args().First(), c.Bool("force"))
}
