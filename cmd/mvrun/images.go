package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/rootfs"
)

var imagesCommand = &cli.Command{
	Name:      "images",
	Usage:     "list images",
	ArgsUsage: "[REPOSITORY[:TAG]]",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "the same list: no image is hidden here"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "IDs only"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "don't shorten"},
		&cli.BoolFlag{Name: "digests", Usage: "show digests"},
		&cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "KEY=VALUE: dangling, label, before, since, until, reference"},
		&cli.StringFlag{Name: "format", Usage: "Go template, table TEMPLATE, or json"},
	},
	Action: listImages,
}

func listImages(c *cli.Context) error {
	if c.NArg() > 1 {
		return errUsage(c, "at most 1 argument")
	}
	wanted, err := parseFilter(c.StringSlice("filter"), filter.Only(filter.Images(), "before", "dangling", "label", "reference", "since", "until"))
	if err != nil {
		return err
	}
	store, images, err := openImages(c)
	if err != nil {
		return err
	}
	all, damage := images.List()
	if damage != nil {
		warn(c.App.ErrWriter, "%v", damage)
	}
	layers := rootfs.Open(store.Root)
	l := table.List{Columns: []string{"Repository", "Tag", "ID", "CreatedSince", "Size"}, Heads: view.ImageHeads}
	if c.Bool("digests") {
		l.Columns = slices.Insert(l.Columns, 2, "Digest")
	}
	shown, err := wanted.Apply(all)
	if err != nil {
		return err
	}
	for _, img := range shown {
		for _, row := range view.ImageRows(img, imageSize(layers, img), c.Bool("no-trunc")) {
			matches := func(pattern string) bool { return image.Matches(pattern, row["Repository"], row["Tag"]) }
			if refs := wanted.Values("reference"); len(refs) > 0 && !slices.ContainsFunc(refs, matches) {
				continue // another name of the image
			}
			if c.NArg() == 0 || matches(c.Args().First()) {
				l.Rows = append(l.Rows, row)
			}
		}
	}
	if c.Bool("quiet") {
		printed := map[string]bool{}
		for _, row := range l.Rows {
			if !printed[row["ID"]] {
				fmt.Fprintln(c.App.Writer, row["ID"])
			}
			printed[row["ID"]] = true
		}
		return nil
	}
	return l.Print(c.App.Writer, c.String("format"))
}

// imageSize is what the image's files hold, in bytes.
func imageSize(layers *rootfs.Store, img *image.Image) (sum int64) {
	for _, size := range layerSizes(layers, img) {
		sum += size
	}
	return sum
}

// layerSizes are what the layers' files hold; of those that were never unpacked,
// the sizes of their blobs.
func layerSizes(layers *rootfs.Store, img *image.Image) []int64 {
	var sizes []int64
	blobs, _ := img.Layers()
	for i, id := range img.Config.RootFS.DiffIDs {
		size, ok := layers.Size(id)
		if !ok && i < len(blobs) {
			size, _ = blobs[i].Size()
		}
		sizes = append(sizes, size)
	}
	return sizes
}
