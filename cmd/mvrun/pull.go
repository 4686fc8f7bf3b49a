package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
)

var pullCommand = &cli.Command{
	Name:      "pull",
	Usage:     "bring an image from a registry",
	ArgsUsage: "NAME[:TAG|@DIGEST]",
	Flags: []cli.Flag{
		allTagsFlag(), trustFlag(),
		&cli.StringFlag{Name: "platform", Usage: "os/arch[/variant] instead of this machine's"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print the name only"},
		insecureFlag(), unpackLimitFlag(),
	},
	Action: pull,
}

func pull(c *cli.Context) error {
	if c.NArg() != 1 {
		return errUsage(c, "1 argument, an image")
	}
	ref, err := image.ParseName(c.Args().First())
	if err != nil {
		return err
	}
	if err := checkAllTags(c, ref); err != nil {
		return err
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	if !c.Bool("all-tags") {
		return pullOne(ctx, c, e, ref)
	}
	from, err := registries(c)
	if err != nil {
		return err
	}
	refs, err := from.Tags(ctx, ref)
	for _, ref := range refs {
		if err == nil {
			err = pullOne(ctx, c, e, ref)
		}
	}
	return err
}

func pullOne(ctx context.Context, c *cli.Context, e *engine.Engine, ref image.Ref) error {
	quiet, w := c.Bool("quiet"), c.App.Writer
	opt, finish, err := pullOptions(c, w, quiet)
	if err != nil {
		return err
	}
	opt.Pulling = func() {
		if !quiet {
			if ref.HasDefaultTag() {
				fmt.Fprintln(w, "Using default tag:", ref.Tag())
			}
			fmt.Fprintln(w, pullingFrom(ref))
		}
		spareMemory()
	}
	img, before, err := e.Images.Pull(ctx, ref, opt)
	finish()
	if err != nil {
		return err
	}
	if !quiet {
		for _, d := range img.RepoDigests {
			if d.Repository() == ref.Repository() {
				fmt.Fprintln(w, "Digest:", d.Digest())
				break
			}
		}
		status := "Downloaded newer image for "
		if before == img.ID {
			status = "Image is up to date for "
		}
		fmt.Fprintln(w, "Status:", status+ref.TypedWithTag())
	}
	fmt.Fprintln(w, ref.Canonical())
	return nil
}

// pullingFrom is Docker's first line of a pull.
func pullingFrom(ref image.Ref) string {
	return fmt.Sprintf("%s: Pulling from %s", ref.Tag()+ref.Digest(), ref.Path())
}
