package main

import (
	"github.com/urfave/cli/v2"
)

var attachCommand = &cli.Command{
	Name:      "attach",
	Usage:     "attach to the streams of a running container",
	ArgsUsage: "CONTAINER",
	Flags: []cli.Flag{
		detachKeysFlag(), sigProxyFlag(),
		&cli.BoolFlag{Name: "no-stdin", Usage: "don't attach to stdin"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() != 1 {
			return errUsage(c, "exactly 1 argument, a container")
		}
		term, err := terminalOf(c)
		if err != nil {
			return err
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		cont, err := e.Containers.Attachable(c.Context, c.Args().First())
		if err != nil {
			return err
		}
		term.of(cont.Config.OpenStdin && !c.Bool("no-stdin"), cont.Config.TTY)
		if err := term.check(); err != nil {
			return err
		}
		session, err := e.Containers.Attach(c.Context, cont.Config.ID, *term.attach())
		if err != nil {
			return err
		}
		return term.follow(session)
	},
}
