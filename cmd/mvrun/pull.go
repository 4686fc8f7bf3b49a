package main

import (
	"context"
	"fmt"
	"io"
	"strings"

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
	ref := c.Args().First()
	full, err := image.Canonical(ref)
	if err != nil {
		return err
	}
	if err := checkAllTags(c, ref, full); err != nil {
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

func pullOne(ctx context.Context, c *cli.Context, e *engine.Engine, ref string) error {
	full, err := image.Canonical(ref)
	if err != nil {
		return err
	}
	quiet, w := c.Bool("quiet"), c.App.Writer
	opt, finish, err := pullOptions(c, w, quiet)
	if err != nil {
		return err
	}
	opt.Pulling = func() {
		if !quiet {
			announcePull(w, ref, full)
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
			if repository(d) == repository(full) {
				fmt.Fprintln(w, "Digest:", d[strings.IndexByte(d, '@')+1:])
				break
			}
		}
		status := "Downloaded newer image for "
		if before == img.ID {
			status = "Image is up to date for "
		}
		fmt.Fprintln(w, "Status:", status+withTag(ref, full))
	}
	fmt.Fprintln(w, full)
	return nil
}

// announcePull writes Docker's first lines.
func announcePull(w io.Writer, ref, full string) {
	if strings.Contains(full, "@") {
		fmt.Fprintf(w, "%s: Pulling from %s\n", full[strings.IndexByte(full, '@')+1:], pathOf(full))
		return
	}
	_, tag := splitName(full)
	if !strings.HasSuffix(ref, ":"+tag) {
		fmt.Fprintln(w, "Using default tag:", tag)
	}
	fmt.Fprintf(w, "%s: Pulling from %s\n", tag, pathOf(full))
}

// repository is a canonical or familiar name without tag and digest, in full.
func repository(name string) string {
	full, err := image.Canonical(name)
	if err != nil {
		return name
	}
	full, _, _ = strings.Cut(full, "@")
	if i := strings.LastIndexByte(full, ':'); i > strings.LastIndexByte(full, '/') {
		full = full[:i]
	}
	return full
}

// pathOf is the repository without its registry.
func pathOf(full string) string {
	_, rest, _ := strings.Cut(repository(full), "/")
	return rest
}

// withTag is what the user typed, with the tag that it means.
func withTag(ref, full string) string {
	if strings.Contains(full, "@") {
		return ref
	}
	_, tag := splitName(full)
	if strings.HasSuffix(ref, ":"+tag) {
		return ref
	}
	return ref + ":" + tag
}
