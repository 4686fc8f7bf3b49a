package main

import (
	"bufio"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

var saveCommand = &cli.Command{
	Name:      "save",
	Usage:     "write images into an archive",
	ArgsUsage: "IMAGE…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "file to write instead of stdout"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, an image")
		}
		refs, err := parseRefs(c.Args().Slice())
		if err != nil {
			return err
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(c)
		defer stop()
		w, commit, abandon, err := openOutput(c.String("output"))
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(w, 1<<20)
		err = e.Images.Save(ctx, out, refs)
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			abandon()
			return err
		}
		return commit()
	},
}

func dirOf(path string) string { return filepath.Dir(path) }
