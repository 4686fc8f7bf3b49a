package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var commitCommand = &cli.Command{
	Name:      "commit",
	Usage:     "make an image of a container and its changes",
	ArgsUsage: "CONTAINER [REPOSITORY[:TAG]]",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "author", Aliases: []string{"a"}, Usage: "who made it"},
		&cli.StringSliceFlag{Name: "change", Aliases: []string{"c"}, Usage: "Dockerfile instruction to apply, such as 'CMD [\"sh\"]'"},
		&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "say what it is"},
		&cli.BoolFlag{Name: "pause", Aliases: []string{"p"}, Value: true, Usage: "freeze the container meanwhile"},
	},
	Action: commitContainer,
}

func commitContainer(c *cli.Context) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return errUsage(c, "1 or 2 arguments, a container and a name")
	}
	name, err := optionalName(c.Args().Get(1))
	if err != nil {
		return err
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	img, err := e.Containers.Commit(ctx, c.Args().First(), engine.CommitOptions{
		Name: name, Author: c.String("author"), Message: c.String("message"),
		Changes: c.StringSlice("change"), Pause: c.Bool("pause"),
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, img.ID)
	return nil
}
