package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

var psCommand = &cli.Command{
	Name:    "ps",
	Aliases: []string{"list"},
	Usage:   "list containers",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "those that don't run too"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "IDs only"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "don't shorten"},
		&cli.BoolFlag{Name: "latest", Aliases: []string{"l"}, Usage: "the newest only, in any state"},
		&cli.IntFlag{Name: "last", Aliases: []string{"n"}, Value: -1, Usage: "the n newest only, in any state"},
		&cli.BoolFlag{Name: "size", Aliases: []string{"s"}, Usage: "show the size of the writable layer"},
		&cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "KEY=VALUE: id, name, label, status, exited, ancestor, network, before, since, volume"},
		&cli.StringFlag{Name: "format", Usage: "Go template, table TEMPLATE, or json"},
	},
	Action: ps,
}

func ps(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	wanted, err := parseFilter(c.StringSlice("filter"), filter.Containers())
	if err != nil {
		return err
	}
	store, err := openStore(c)
	if err != nil {
		return err
	}
	all, errs := store.List()
	for _, err := range errs {
		warn(c.App.ErrWriter, "%v", err)
	}
	last := c.Int("last")
	if c.Bool("latest") {
		last = 1
	}
	shown, err := wanted.Apply(all)
	if err != nil {
		return err
	}
	if !c.Bool("all") && last < 0 && !wanted.Has("status") && !wanted.Has("exited") {
		shown = slices.DeleteFunc(shown, func(cont *container.Container) bool { return !cont.State.Status.Live() })
	}
	if last >= 0 && len(shown) > last {
		shown = shown[:last]
	}
	l := table.List{Columns: []string{"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"}, Heads: view.ContainerHeads}
	size := c.Bool("size") || strings.Contains(c.String("format"), ".Size")
	if c.Bool("size") {
		l.Columns = append(l.Columns, "Size")
	}
	for _, cont := range shown {
		row := view.ContainerRow(cont, c.Bool("no-trunc"))
		if size {
			row["Size"] = view.ContainerSize(store.WritableSize(cont.Config.ID), rootfs.SizeOf(cont.Config.Layers))
		}
		l.Rows = append(l.Rows, row)
	}
	if c.Bool("quiet") {
		return l.Print(c.App.Writer, "{{.ID}}")
	}
	return l.Print(c.App.Writer, c.String("format"))
}
