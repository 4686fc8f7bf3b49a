package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var rmCommand = &cli.Command{
	Name:      "rm",
	Aliases:   []string{"remove"},
	Usage:     "remove containers",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill a running container first; one that is not there is no error"},
		&cli.BoolFlag{Name: "volumes", Aliases: []string{"v"}, Usage: "remove its anonymous volumes too"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		o := engine.RemoveOptions{Force: c.Bool("force"), Volumes: c.Bool("volumes")}
		var last error
		var notFound *engine.NotFound
		for _, ref := range c.Args().Slice() {
			err := e.Containers.Remove(c.Context, ref, o)
			switch {
			case err == nil:
				fmt.Fprintln(c.App.Writer, ref)
				continue
			case o.Force && errors.As(err, &notFound):
				report(c.App.ErrWriter, err)
				continue
			case last != nil:
				report(c.App.ErrWriter, last)
			}
			last = err
		}
		return last
	},
}
