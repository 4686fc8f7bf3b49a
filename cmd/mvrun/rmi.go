package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
)

var rmiCommand = &cli.Command{
	Name:      "rmi",
	Usage:     "remove images, or names of images",
	ArgsUsage: "IMAGE…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "also with several names or used by stopped containers; one that is not there is no error"},
		&cli.BoolFlag{Name: "no-prune", Usage: "accepted; there are no untagged parents"},
	},
	Action: removeImages,
}

func removeImages(c *cli.Context) error {
	if c.NArg() == 0 {
		return errUsage(c, "at least 1 argument")
	}
	store, images, err := openImages(c)
	if err != nil {
		return err
	}
	uses, err := imageUses(store)
	if err != nil {
		return err
	}
	var last error
	for _, ref := range c.Args().Slice() {
		done, err := images.Remove(ref, c.Bool("force"), uses)
		printRemoved(c.App.Writer, done)
		if c.Bool("force") && errors.Is(err, image.ErrNotFound) {
			report(c.App.ErrWriter, err)
			continue
		}
		if err != nil {
			if last != nil {
				report(c.App.ErrWriter, last)
			}
			last = err
		}
	}
	if _, err := pruneLayers(store, images); err != nil {
		warn(c.App.ErrWriter, "%v", err)
	}
	return last
}

func printRemoved(w io.Writer, done image.Removed) {
	for _, name := range done.Untagged {
		fmt.Fprintln(w, "Untagged:", name)
	}
	for _, id := range done.Deleted {
		fmt.Fprintln(w, "Deleted:", id)
	}
}
