package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

var createCommand = passProgram(&cli.Command{
	Name:      "create",
	Usage:     "make a container without starting it",
	ArgsUsage: "IMAGE [COMMAND [ARG…]]",
	Flags:     containerFlags(),
	Action: func(c *cli.Context) error {
		return withCode(125, create(c))
	},
})

func create(c *cli.Context) error {
	w, err := parseWish(c)
	if err != nil {
		return err
	}
	setAttach(c, w, true) // by start -a, as with Docker: its input ends with that client's
	store, err := openStore(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	if err := createContainer(ctx, c, store, w); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, w.config.ID)
	return nil
}
