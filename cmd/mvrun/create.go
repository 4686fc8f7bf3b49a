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

func create(c *cli.Context) (err error) {
	w, err := parseWish(c)
	if err != nil {
		return err
	}
	w.config.StdinOnce = w.config.OpenStdin // by start -a, as with Docker: its input ends with that client's
	o, finish, err := w.options(c)
	if err != nil {
		return err
	}
	file, err := newIDFile(c.String("cidfile"))
	if err != nil {
		return err
	}
	defer file.drop()
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	id, err := e.Containers.Create(ctx, o)
	finish()
	if err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, id)
	return file.write(id)
}
