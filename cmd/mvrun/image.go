package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	imagestore "github.com/mvrun/mvrun/image/store"
	"github.com/mvrun/mvrun/runtime/container"
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
func openImages(c *cli.Context) (*container.Store, *imagestore.Store, error) {
	store, err := openStore(c)
	if err != nil {
		return nil, nil, err
	}
	return store, imageStore(store.Root), nil
}

// imageStore opens the images under root, among them the one that is built in.
func imageStore(root string) *imagestore.Store { return imagestore.Open(root, archive.Busybox) }

// findImage finds an image by what the user calls it.
func findImage(images *imagestore.Store, typed string) (*image.Image, error) {
	ref, err := image.ParseRef(typed)
	if err != nil {
		return nil, err
	}
	return images.Get(ref)
}

// parseRefs reads what the user calls images.
func parseRefs(typed []string) (refs []image.Ref, err error) {
	for _, s := range typed {
		ref, err := image.ParseRef(s)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// optionalName reads the name that a new image is to get, if any.
func optionalName(typed string) (image.Ref, error) {
	if typed == "" {
		return image.Ref{}, nil
	}
	return image.ParseTag(typed)
}
