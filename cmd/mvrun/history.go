package main

import (
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/rootfs"
)

var historyCommand = &cli.Command{
	Name:      "history",
	Usage:     "show how an image was made, the last step first",
	ArgsUsage: "IMAGE",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "IDs only"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "don't shorten"},
		&cli.BoolFlag{Name: "human", Aliases: []string{"H"}, Value: true, Usage: "sizes and times for people"},
		&cli.StringFlag{Name: "format", Usage: "Go template, table TEMPLATE, or json"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() != 1 {
			return errUsage(c, "1 argument, an image")
		}
		store, images, err := openImages(c)
		if err != nil {
			return err
		}
		img, err := images.Get(c.Args().First())
		if err != nil {
			return err
		}
		l := table.List{
			Columns: []string{"ID", "CreatedSince", "CreatedBy", "Size", "Comment"},
			Heads: map[string]string{
				"ID": "IMAGE", "CreatedSince": "CREATED", "CreatedBy": "CREATED BY", "Size": "SIZE", "Comment": "COMMENT",
				"CreatedAt": "CREATED AT",
			},
			Rows: historyRows(rootfs.Open(store.Root), img, c.Bool("no-trunc"), c.Bool("human")),
		}
		if c.Bool("quiet") {
			return l.Print(c.App.Writer, "{{.ID}}")
		}
		return l.Print(c.App.Writer, c.String("format"))
	},
}

// historyRows are the steps, the last first. Only the last is an image here.
func historyRows(layers *rootfs.Store, img *image.Image, full, human bool) []map[string]string {
	steps := img.Config.History
	sizes := layerSizes(layers, img)
	if len(steps) == 0 { // an image need not say; its layers are steps
		for range sizes {
			steps = append(steps, v1.History{Created: img.Config.Created})
		}
	}
	var rows []map[string]string
	layer := 0
	for i, step := range steps {
		var size int64
		if !step.EmptyLayer && layer < len(sizes) {
			size = sizes[layer]
			layer++
		}
		id := "<missing>"
		if i == len(steps)-1 {
			id = shortImageID(img.ID, full)
		}
		row := map[string]string{
			"ID": id, "CreatedSince": ago(step.Created.Time), "CreatedAt": dockerStamp(step.Created.Time),
			"CreatedBy": shorten(step.CreatedBy, full), "Size": humanSize(size), "Comment": step.Comment,
		}
		if !human {
			row["CreatedSince"], row["Size"] = row["CreatedAt"], strconv.FormatInt(size, 10)
		}
		rows = append([]map[string]string{row}, rows...)
	}
	return rows
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

func shorten(s string, full bool) string {
	s = strings.ReplaceAll(s, "\t", " ")
	if r := []rune(s); !full && len(r) > 45 {
		return string(r[:44]) + "…"
	}
	return s
}
