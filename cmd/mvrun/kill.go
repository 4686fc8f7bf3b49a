package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var killCommand = &cli.Command{
	Name:      "kill",
	Usage:     "send a signal to running containers",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Value: "KILL", Usage: "signal to send"},
	},
	Action: func(c *cli.Context) error {
		sig, err := parseSignal(c.String("signal"))
		if c.NArg() > 0 && err != nil {
			return err
		}
		return eachContainer(c, func(cs *engine.Containers, ctx context.Context, ref string) error {
			return cs.Kill(ctx, ref, sig)
		})
	},
}
