package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var networkRmCommand = &cli.Command{
	Name:      "rm",
	Aliases:   []string{"remove"},
	Usage:     "remove networks that no container is on",
	ArgsUsage: "NETWORK…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "a network that is not there is no error"},
	},
	Action: removeNetworks,
}

func removeNetworks(c *cli.Context) error {
	if c.NArg() == 0 {
		return errUsage(c, "at least 1 argument, a network")
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	var errs []error
	var notFound *engine.NotFound
	for _, name := range c.Args().Slice() {
		err := e.Networks.Remove(c.Context, name)
		switch {
		case err == nil:
			fmt.Fprintln(c.App.Writer, name)
		case !c.Bool("force") || !errors.As(err, &notFound):
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
