package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// monitorCommand is for who types what the engine executes by other arguments
// (protocol.StoreArgs): it finds neither lock nor socket, and says so.
var monitorCommand = &cli.Command{
	Name:   protocol.Command,
	Hidden: true,
	Action: func(c *cli.Context) error {
		o, err := settings(c)
		if err != nil {
			return err
		}
		store := &container.Store{Layout: container.Layout{Root: o.Root, State: o.State}, CgroupParent: o.CgroupParent, CgroupDriver: o.CgroupDriver}
		if err := store.Prepare(); err != nil {
			return err
		}
		return monitor.Main(store, c.Args().First())
	},
}
