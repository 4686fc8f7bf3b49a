package main

import (
	"bufio"

	"github.com/urfave/cli/v2"
)

var exportCommand = &cli.Command{
	Name:      "export",
	Usage:     "write a container's root file system as a tarball, without its volumes",
	ArgsUsage: "CONTAINER",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "file to write instead of stdout"},
	},
	Action: exportContainer,
}

func exportContainer(c *cli.Context) error {
	if c.NArg() != 1 {
		return errUsage(c, "1 argument, a container")
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	tree, err := e.Containers.Tree(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	defer tree.Close()
	ctx, stop := interruptible(c)
	defer stop()
	w, commit, abandon, err := openOutput(c.String("output"))
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	err = tree.Export(ctx, out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		abandon()
		return err
	}
	return commit()
}
