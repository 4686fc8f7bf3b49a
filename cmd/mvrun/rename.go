package main

import (
	"strings"

	"github.com/urfave/cli/v2"
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
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		return e.Containers.Rename(c.Context, c.Args().First(), name)
	},
}
