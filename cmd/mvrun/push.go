package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
)

var pushCommand = &cli.Command{
	Name:      "push",
	Usage:     "send an image to the registry in its name",
	ArgsUsage: "NAME[:TAG]",
	Flags: []cli.Flag{
		allTagsFlag(), trustFlag(),
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print the name only"},
		insecureFlag(),
	},
	Action: push,
}

func push(c *cli.Context) error {
	if c.NArg() != 1 {
		return errUsage(c, "1 argument, an image")
	}
	ref, err := image.ParseTag(c.Args().First())
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
	refs := []image.Ref{ref}
	if c.Bool("all-tags") {
		if refs, err = tagsOf(c.Context, e, ref.Repository()); err != nil {
			return err
		}
	}
	ctx, stop := interruptible(c)
	defer stop()
	if !c.Bool("quiet") {
		fmt.Fprintf(c.App.Writer, "The push refers to repository [%s]\n", ref.Repository())
	}
	for _, ref := range refs {
		if err := pushOne(ctx, c, e, ref); err != nil {
			return err
		}
	}
	return nil
}

// tagsOf lists the names that images of the store have in the repository.
func tagsOf(ctx context.Context, e *engine.Engine, repository string) (names []image.Ref, err error) {
	all, damage := e.Images.List(ctx)
	for _, img := range all {
		for _, name := range img.Names {
			if name.Repository() == repository {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, errors.Join(fmt.Errorf("%w: %s has no tags here", image.ErrNotFound, repository), damage)
	}
	return names, damage
}

func pushOne(ctx context.Context, c *cli.Context, e *engine.Engine, ref image.Ref) error {
	opt, finish, err := pullOptions(c, c.App.Writer, c.Bool("quiet"))
	if err != nil {
		return err
	}
	if plain, ok := opt.Progress.(*plainProgress); ok {
		plain.start = "Pushing"
	}
	img, err := e.Images.Push(ctx, ref, opt)
	finish()
	if err != nil {
		return err
	}
	if c.Bool("quiet") {
		fmt.Fprintln(c.App.Writer, ref.Canonical())
		return nil
	}
	fmt.Fprintf(c.App.Writer, "%s: digest: %s size: %d\n", ref.Tag(), img.Digest, img.ManifestSize)
	return nil
}
