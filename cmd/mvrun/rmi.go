package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
	imagestore "github.com/mvrun/mvrun/image/store"
)

var rmiCommand = &cli.Command{
	Name:      "rmi",
	Usage:     "remove images, or names of images",
	ArgsUsage: "IMAGE…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "also with several names or used by stopped containers; one that is not there is no error"},
		&cli.BoolFlag{Name: "no-prune", Usage: "refused: an image has no untagged parents here"},
	},
	Action: removeImages,
}

func removeImages(c *cli.Context) error {
	if c.NArg() == 0 {
		return errUsage(c, "at least 1 argument")
	}
	if c.Bool("no-prune") {
		return errors.New("--no-prune: an image has no untagged parents here, and layers that no image needs go with it: leave it out")
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	var last error
	var notFound *engine.NotFound
	for _, typed := range c.Args().Slice() {
		done, err := removeImage(c, e, typed)
		printRemoved(c.App.Writer, done)
		if c.Bool("force") && errors.As(err, &notFound) {
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
	if _, err := e.Images.PruneLayers(c.Context); err != nil {
		warn(c.App.ErrWriter, "%v", err)
	}
	return last
}

func removeImage(c *cli.Context, e *engine.Engine, typed string) (imagestore.Removed, error) {
	ref, err := image.ParseRef(typed)
	if err != nil {
		return imagestore.Removed{}, err
	}
	return e.Images.Remove(c.Context, ref, c.Bool("force"))
}

func printRemoved(w io.Writer, done imagestore.Removed) {
	for _, name := range done.Untagged {
		fmt.Fprintln(w, "Untagged:", name.Familiar())
	}
	for _, id := range done.Deleted {
		fmt.Fprintln(w, "Deleted:", id)
	}
}
