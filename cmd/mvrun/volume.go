package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/rootfs"
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
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		want := rootfs.Volume{Name: c.Args().First(), Labels: map[string]string{}}
		for _, l := range c.StringSlice("label") {
			k, v, _ := strings.Cut(l, "=")
			want.Labels[k] = v
		}
		vol, err := e.Volumes.Create(c.Context, want)
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
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		var last error
		var notFound *engine.NotFound
		e.Volumes.Remove(c.Context, c.Args().Slice(), func(name string, err error) {
			if errors.As(err, &notFound) && c.Bool("force") {
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
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	fits, err := wanted.Bind(nil)
	if err != nil {
		return err
	}
	done, err := e.Volumes.Prune(c.Context, func(v rootfs.Volume) bool {
		return (all || v.Anonymous) && fits(filter.Volume{Volume: v})
	})
	if len(done.Names) > 0 {
		fmt.Fprintf(c.App.Writer, "Deleted Volumes:\n%s\n\n", strings.Join(done.Names, "\n"))
	}
	fmt.Fprintln(c.App.Writer, "Total reclaimed space:", humanSize(done.Freed))
	return err
}
