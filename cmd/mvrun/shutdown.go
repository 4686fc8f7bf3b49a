package main

import "github.com/urfave/cli/v2"

var shutdownCommand = &cli.Command{
	Name:  "shutdown",
	Usage: "stop all containers because the host goes down; boot starts them again (mvrun.service calls it)",
	Action: func(c *cli.Context) error {
		if err := takesNone(c); err != nil {
			return err
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		o := outcomes{c: c}
		e.Shutdown(c.Context, o.print)
		return o.last
	},
}
