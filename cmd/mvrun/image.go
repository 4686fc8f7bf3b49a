package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/runtime"
)

var imageCommand = &cli.Command{
	Name:  "image",
	Usage: "work with images",
	Subcommands: []*cli.Command{
		renamed(imagesCommand, "ls", "list"), imageInspectCommand, renamed(historyCommand, "history"),
		imagePruneCommand, imageFsckCommand, renamed(rmiCommand, "rm", "remove"), renamed(tagCommand, "tag"),
		renamed(pullCommand, "pull"), renamed(pushCommand, "push"), renamed(loadCommand, "load"),
		renamed(saveCommand, "save"), renamed(importCommand, "import"),
	},
}

// openImages opens the image store of the global --root.
func openImages(c *cli.Context) (*runtime.Store, *image.Store, error) {
	store, err := openStore(c)
	if err != nil {
		return nil, nil, err
	}
	images, err := image.Open(store.Root)
	return store, images, err
}
