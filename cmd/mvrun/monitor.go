package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime/monitor"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// monitorCommand is what run and start spawn; nobody types it.
var monitorCommand = &cli.Command{
	Name:   protocol.Command,
	Hidden: true,
	Action: func(c *cli.Context) error {
		store, err := storeOf(c)
		if err != nil {
			return err
		}
		if err := store.Prepare(); err != nil {
			return err
		}
		return monitor.Main(store, c.Args().First())
	},
}
