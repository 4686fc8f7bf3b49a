package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

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
	store, err := openStore(c)
	if err != nil {
		return err
	}
	name, ref := c.Args().First(), c.Args().Get(1)
	id, err := store.Resolve(ref)
	if errors.Is(err, runtime.ErrNotFound) && c.Bool("force") {
		return nil // what it may have left went as the store was opened
	}
	if err != nil {
		return err
	}
	cont, err := store.Load(id)
	if err != nil {
		return err
	}
	if _, _, err := store.SplitLegs(&cont.Config, name); err != nil {
		if c.Bool("force") {
			return nil
		}
		return err
	}
	req := protocol.Request{Op: protocol.OpDisconnect, Endpoint: network.Request{Network: name}}
	_, err = changeContainer(store, id, req, func(h *runtime.Handle) error { return h.Disconnect(name) })
	return err
}
