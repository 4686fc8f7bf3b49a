package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/rootfs"
)

var volumeLsCommand = &cli.Command{
	Name:    "ls",
	Aliases: []string{"list"},
	Usage:   "list volumes",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "names only"},
		&cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "name=, label=, driver= or dangling="},
		&cli.StringFlag{Name: "format", Usage: "Go template, table TEMPLATE, or json"},
	},
	Action: func(c *cli.Context) error {
		if err := takesNone(c); err != nil {
			return err
		}
		wanted, err := parseFilter(c.StringSlice("filter"), filter.Only(filter.Volumes(), "dangling", "driver", "label", "name"))
		if err != nil {
			return err
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		vols, damage := rootfs.OpenVolumes(store.Root).List()
		if damage != nil {
			warn(c.App.ErrWriter, "%v", damage)
		}
		users := map[string][]string{}
		if wanted.Has("dangling") {
			if users, err = store.Volumes().Users(); err != nil {
				return err
			}
		}
		l := table.List{Columns: []string{"Driver", "Name"}, Heads: view.VolumeHeads}
		shown, err := wanted.Apply(usedVolumes(vols, users))
		if err != nil {
			return err
		}
		for _, v := range shown {
			l.Rows = append(l.Rows, view.VolumeRow(v.Volume))
		}
		if c.Bool("quiet") {
			return l.Print(c.App.Writer, "{{.Name}}")
		}
		return l.Print(c.App.Writer, c.String("format"))
	},
}

// usedVolumes are the volumes with whether anybody uses them.
func usedVolumes(vols []rootfs.Volume, users map[string][]string) (all []filter.Volume) {
	for _, v := range vols {
		all = append(all, filter.Volume{Volume: v, Used: len(users[v.Name]) > 0})
	}
	return all
}

var volumeInspectCommand = &cli.Command{
	Name:      "inspect",
	Usage:     "show all of one or more volumes",
	ArgsUsage: "VOLUME…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "Go template, or json"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		return inspectAll(c, func(ref string) (any, error) {
			v, err := inspectVolumeObject(store, ref)
			if err == errNoObject {
				return nil, fmt.Errorf("no such volume: %s", ref)
			}
			return v, err
		})
	},
}
