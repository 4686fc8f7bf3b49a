package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/rootfs"
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

// imageUses lists the containers with the images that they were made of. A
// container whose record can't be read may use any image: that is an error.
func imageUses(store *runtime.Store) ([]image.Use, error) {
	containers, errs := store.List()
	if len(errs) > 0 {
		return nil, errs[0]
	}
	var uses []image.Use
	for _, c := range containers {
		id, err := parseHash(c.Config.ImageID)
		if err != nil {
			continue
		}
		uses = append(uses, image.Use{Image: id, Container: runtime.ShortID(c.Config.ID), Running: c.State.Status.Live()})
	}
	return uses, nil
}

// pruneLayers removes the unpacked layers that neither an image nor a container
// needs. It does nothing while an image or container is being made; the next
// removal finds what stays.
func pruneLayers(store *runtime.Store, images *image.Store) (freed int64, err error) {
	release, err := images.Exclude()
	if err == image.ErrBusy {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer release()
	needed, err := images.DiffIDs()
	if err != nil {
		return 0, nil // a damaged image needs nobody knows what; fsck tells
	}
	containers, errs := store.List()
	if len(errs) > 0 {
		return 0, errs[0]
	}
	inUse := map[string]bool{}
	for _, c := range containers {
		for _, dir := range c.Config.Layers {
			inUse[dir] = true
		}
	}
	return rootfs.Open(store.Root).Prune(func(dir, diffID string) bool { return needed[diffID] || inUse[dir] })
}
