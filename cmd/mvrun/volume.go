package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime"
)

var volumeCommand = &cli.Command{
	Name:  "volume",
	Usage: "work with volumes",
	Subcommands: []*cli.Command{
		volumeCreateCommand, volumeLsCommand, volumeInspectCommand, volumeRmCommand, volumePruneCommand,
	},
}

var volumeCreateCommand = &cli.Command{
	Name:      "create",
	Usage:     "make a volume",
	ArgsUsage: "[NAME]",
	Flags: []cli.Flag{
		&cli.StringSliceFlag{Name: "label", Usage: "KEY=VALUE"},
		&cli.StringFlag{Name: "driver", Aliases: []string{"d"}, Value: "local", Usage: "local, the only one"},
		&cli.StringSliceFlag{Name: "opt", Aliases: []string{"o"}, Usage: "none are known"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() > 1 {
			return errUsage(c, "at most 1 argument")
		}
		if d := c.String("driver"); d != "local" {
			return fmt.Errorf("volume driver %q: local is the only one", d)
		}
		if len(c.StringSlice("opt")) > 0 {
			return errors.New("--opt: volumes are plain directories here and have no options; mount what you need on the host and use -v /path:/path")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		want := rootfs.Volume{Name: c.Args().First(), Labels: map[string]string{}}
		for _, l := range c.StringSlice("label") {
			k, v, _ := strings.Cut(l, "=")
			want.Labels[k] = v
		}
		vol, _, err := rootfs.OpenVolumes(store.Root).Create(want)
		if err != nil {
			return err
		}
		fmt.Fprintln(c.App.Writer, vol.Name)
		return nil
	},
}

var volumeRmCommand = &cli.Command{
	Name:      "rm",
	Aliases:   []string{"remove"},
	Usage:     "remove volumes with their content",
	ArgsUsage: "VOLUME…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "one that is not there is no error"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		var last error
		store.RemoveVolumes(c.Args().Slice(), "", func(name string, err error) {
			if errors.Is(err, rootfs.ErrNoVolume) && c.Bool("force") {
				err = nil
			}
			if err == nil {
				fmt.Fprintln(c.App.Writer, name)
				return
			}
			if last != nil {
				report(c.App.ErrWriter, last)
			}
			last = err
		})
		return last
	},
}

var volumePruneCommand = &cli.Command{
	Name:  "prune",
	Usage: "remove the anonymous volumes that no container uses",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "the named ones too"},
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "don't ask"},
		&cli.StringSliceFlag{Name: "filter", Usage: "label= or label!="},
	},
	Action: pruneVolumes,
}

func pruneVolumes(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	filter, err := parseVolumeFilter(c.StringSlice("filter"), "label", "label!", "all")
	if err != nil {
		return err
	}
	all := c.Bool("all") || slices.Contains(filter["all"], "true") || slices.Contains(filter["all"], "1")
	what := "anonymous local volumes not used by at least one container"
	if all {
		what = "all local volumes not used by at least one container"
	}
	if !c.Bool("force") && !confirm(c, what) {
		return nil
	}
	store, err := openStore(c)
	if err != nil {
		return err
	}
	users, err := store.VolumeUsers()
	if err != nil {
		return err
	}
	vols, err := rootfs.OpenVolumes(store.Root).List()
	errs := []error{err}
	var unused, removed []string
	var freed int64
	sizes := map[string]int64{}
	for _, v := range vols {
		if (all || v.Anonymous) && len(users[v.Name]) == 0 && filter.match(v, users) {
			unused = append(unused, v.Name)
			sizes[v.Name] = treeSize(v.Path)
		}
	}
	store.RemoveVolumes(unused, "", func(name string, err error) {
		switch {
		case err == nil:
			removed, freed = append(removed, name), freed+sizes[name]
		case !runtime.VolumeStays(err):
			errs = append(errs, err)
		}
	})
	if len(removed) > 0 {
		fmt.Fprintf(c.App.Writer, "Deleted Volumes:\n%s\n\n", strings.Join(removed, "\n"))
	}
	fmt.Fprintln(c.App.Writer, "Total reclaimed space:", humanSize(freed))
	return errors.Join(errs...)
}
