package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

var renameCommand = &cli.Command{
	Name:      "rename",
	Usage:     "give a container another name",
	ArgsUsage: "CONTAINER NAME",
	Action: func(c *cli.Context) error {
		if c.NArg() != 2 {
			return errUsage(c, "2 arguments, a container and its new name")
		}
		name := strings.TrimPrefix(c.Args().Get(1), "/")
		store, err := openStore(c)
		if err != nil {
			return err
		}
		id, err := store.Resolve(c.Args().First())
		if err != nil {
			return err
		}
		if err := runtime.CheckName(name); err != nil {
			return err
		}
		_, err = changeContainer(store, id, protocol.Request{Op: protocol.OpRename, Name: name}, func(h *runtime.Handle) error {
			return h.Rename(name)
		})
		return err
	},
}
