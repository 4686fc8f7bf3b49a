package main

import (
	"errors"

	"github.com/mvrun/mvrun/image"
	"github.com/urfave/cli/v2"
)

func allTagsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "all-tags", Aliases: []string{"a"}, Usage: "all tags of the repository"}
}

// trustFlag is Docker's, whose content trust mvrun does not have.
func trustFlag() cli.Flag {
	return &cli.BoolFlag{Name: "disable-content-trust", Value: true, Usage: "accepted; there is no content trust"}
}

// checkAllTags refuses a tag or digest beside --all-tags, and a trust that can't
// be had.
func checkAllTags(c *cli.Context, ref image.Ref) error {
	if !c.Bool("disable-content-trust") {
		return errors.New("--disable-content-trust=false: there is no content trust here; name images by digest, NAME@sha256:…")
	}
	if c.Bool("all-tags") && !ref.HasDefaultTag() {
		return errors.New("tag can't be used with --all-tags/-a: give the repository alone")
	}
	return nil
}
