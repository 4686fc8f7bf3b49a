package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
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
		img, err := findImage(images, c.Args().First())
		if err != nil {
			return err
		}
		l := table.List{
			Columns: []string{"ID", "CreatedSince", "CreatedBy", "Size", "Comment"}, Heads: view.HistoryHeads,
			Rows: view.HistoryRows(img, layerSizes(rootfs.Open(store.Root), img), c.Bool("no-trunc"), c.Bool("human")),
		}
		if c.Bool("quiet") {
			return l.Print(c.App.Writer, "{{.ID}}")
		}
		return l.Print(c.App.Writer, c.String("format"))
	},
}
