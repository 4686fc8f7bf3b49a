package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
)

// ensureImage returns the image for a container, pulled if the policy says so.
// What it says goes to stderr: stdout is the container's.
func ensureImage(ctx context.Context, c *cli.Context, root, ref string) (*image.Image, error) {
	policy := image.Policy(c.String("pull"))
	switch policy {
	case image.PullMissing, image.PullAlways, image.PullNever:
	default:
		return nil, fmt.Errorf("--pull %s: use missing, always or never", policy)
	}
	images, err := image.Open(root)
	if err != nil {
		return nil, err
	}
	quiet := c.Bool("quiet")
	opt, finish, err := pullOptions(c, root, c.App.ErrWriter, quiet)
	if err != nil {
		return nil, err
	}
	defer finish()
	opt.Policy = policy
	opt.Pulling = func() {
		spareMemory()
		full, err := image.Canonical(ref)
		if err != nil || quiet {
			return
		}
		if policy == image.PullMissing {
			fmt.Fprintf(c.App.ErrWriter, "Unable to find image '%s' locally\n", withTag(ref, full))
		}
		announcePull(c.App.ErrWriter, withTag(ref, full), full)
	}
	return images.Ensure(ctx, ref, opt)
}
