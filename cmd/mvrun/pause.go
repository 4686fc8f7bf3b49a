package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var pauseCommand = &cli.Command{
	Name:      "pause",
	Usage:     "freeze all processes of containers",
	ArgsUsage: "CONTAINER…",
	Action:    func(c *cli.Context) error { return eachContainer(c, (*engine.Containers).Pause) },
}

var unpauseCommand = &cli.Command{
	Name:      "unpause",
	Usage:     "let the processes of paused containers go on",
	ArgsUsage: "CONTAINER…",
	Action:    func(c *cli.Context) error { return eachContainer(c, (*engine.Containers).Unpause) },
}

// eachContainer does one thing to every container of the arguments.
func eachContainer(c *cli.Context, do func(*engine.Containers, context.Context, string) error) error {
	if c.NArg() == 0 {
		return errUsage(c, "at least 1 argument, a container")
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	return each(c, func(ref string) error { return do(e.Containers, c.Context, ref) })
}

// warnings prints what a start or a connection had to say beside its result.
func warnings(c *cli.Context, texts []string) {
	for _, text := range texts {
		warn(c.App.ErrWriter, "%s", text)
	}
}
