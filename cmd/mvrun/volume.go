package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
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

func isTrue(value string) bool { on, _ := strconv.ParseBool(value); return on }

func pruneVolumes(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	wanted, err := parseFilter(c.StringSlice("filter"), filter.Only(filter.Volumes(), "all", "label", "label!"))
	if err != nil {
		return err
	}
	all := c.Bool("all") || slices.ContainsFunc(wanted.Values("all"), isTrue)
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
	shown, err := wanted.Apply(usedVolumes(vols, users))
	if err != nil {
		return err
	}
	for _, v := range shown {
		if (all || v.Anonymous) && !v.Used {
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
