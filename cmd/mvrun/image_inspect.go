package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

var imageInspectCommand = &cli.Command{
	Name:      "inspect",
	Usage:     "show all of one or more images",
	ArgsUsage: "IMAGE…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "Go template, or json"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		return inspectAll(c, func(ref string) (any, error) {
			v, err := inspectImageObject(c, store, ref)
			if errors.Is(err, errNoObject) {
				return nil, fmt.Errorf("no such image: %s", ref)
			}
			return v, err
		})
	},
}

// inspectImageObject finds an image for inspect.
func inspectImageObject(_ *cli.Context, store *container.Store, ref string) (any, error) {
	img, err := findImage(imageStore(store.Root), ref)
	if errors.Is(err, image.ErrNotFound) || errors.Is(err, image.ErrBadReference) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, err
	}
	return view.NewImage(img, imageSize(rootfs.Open(store.Root), img)), nil
}
