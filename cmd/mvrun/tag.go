package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
)

var tagCommand = &cli.Command{
	Name:      "tag",
	Usage:     "give an image one more name",
	ArgsUsage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	Action: func(c *cli.Context) error {
		if c.NArg() != 2 {
			return errUsage(c, "2 arguments, an image and its new name")
		}
		ref, err := image.ParseRef(c.Args().Get(0))
		if err != nil {
			return err
		}
		name, err := image.ParseTag(c.Args().Get(1))
		if err != nil {
			return err
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		return e.Images.Tag(c.Context, ref, name)
	},
}
