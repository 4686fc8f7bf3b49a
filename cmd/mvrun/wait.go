package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"
)

var waitCommand = &cli.Command{
	Name:      "wait",
	Usage:     "wait until containers stop, and print their exit codes",
	ArgsUsage: "CONTAINER…",
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		var errs []error
		for _, ref := range c.Args().Slice() {
			code, err := e.Containers.Wait(c.Context, ref)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fmt.Fprintln(c.App.Writer, code)
		}
		return errors.Join(errs...)
	},
}
