package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
)

var pushCommand = &cli.Command{
	Name:      "push",
	Usage:     "send an image to the registry in its name",
	ArgsUsage: "NAME[:TAG]",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print the name only"},
		insecureFlag(),
	},
	Action: func(c *cli.Context) error {
		if c.NArg() != 1 {
			return errUsage(c, "1 argument, an image")
		}
		ref := c.Args().First()
		full, err := image.TagName(ref)
		if err != nil {
			return err
		}
		store, images, err := openImages(c)
		if err != nil {
			return err
		}
		opt, finish, err := pullOptions(c, store.Root, c.App.Writer, c.Bool("quiet"))
		if err != nil {
			return err
		}
		ctx, stop := interruptible(c)
		defer stop()
		if !c.Bool("quiet") {
			fmt.Fprintf(c.App.Writer, "The push refers to repository [%s]\n", repository(full))
		}
		img, err := images.Push(ctx, ref, opt)
		finish()
		if err != nil {
			return err
		}
		if c.Bool("quiet") {
			fmt.Fprintln(c.App.Writer, full)
			return nil
		}
		_, tag := splitName(full)
		fmt.Fprintf(c.App.Writer, "%s: digest: %s size: %d\n", tag, img.Digest, img.Size())
		return nil
	},
}
