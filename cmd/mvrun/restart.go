package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var restartCommand = &cli.Command{
	Name:      "restart",
	Usage:     "stop containers and start them again",
	ArgsUsage: "CONTAINER…",
	Flags:     stopFlags(),
	Action: func(c *cli.Context) error {
		return eachStopped(c, func(cs *engine.Containers, ctx context.Context, ref string, o engine.StopOptions) error {
			said, err := cs.Restart(ctx, ref, o)
			warnings(c, said)
			return err
		})
	},
}
