package main

import (
	"fmt"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/runtime"
)

// containerCommand is Docker's longer way to say the same.
var containerCommand = &cli.Command{
	Name:  "container",
	Usage: "the commands of containers, in a group",
	Subcommands: []*cli.Command{
		renamed(runCommand, "run"), renamed(createCommand, "create"), renamed(startCommand, "start"),
		renamed(stopCommand, "stop"), renamed(restartCommand, "restart"), renamed(killCommand, "kill"),
		renamed(rmCommand, "rm", "remove"), renamed(psCommand, "ls", "ps", "list"), renamed(execCommand, "exec"),
		renamed(attachCommand, "attach"), renamed(logsCommand, "logs"), renamed(waitCommand, "wait"),
		renamed(pauseCommand, "pause"), renamed(unpauseCommand, "unpause"), renamed(statsCommand, "stats"), renamed(renameCommand, "rename"),
		renamed(commitCommand, "commit"), renamed(exportCommand, "export"),
		containerInspectCommand, containerPruneCommand,
	},
}

var containerInspectCommand = &cli.Command{
	Name:      "inspect",
	Usage:     "show all of a container",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "Go template, or json"},
		&cli.BoolFlag{Name: "size", Aliases: []string{"s"}, Usage: "show the size of the writable layer"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		return inspectAll(c, func(ref string) (any, error) {
			v, err := inspectContainer(store, ref, c.Bool("size"))
			if err == errNoObject {
				err = fmt.Errorf("%w: %s", runtime.ErrNotFound, ref)
			}
			return v, err
		})
	},
}

var containerPruneCommand = &cli.Command{
	Name:  "prune",
	Usage: "remove all containers that don't run",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "don't ask"},
		&cli.StringSliceFlag{Name: "filter", Usage: "label=KEY[=VALUE]"},
	},
	Action: func(c *cli.Context) error {
		if err := takesNone(c); err != nil {
			return err
		}
		wanted, err := parseFilter(c.StringSlice("filter"), filter.Containers())
		if err != nil {
			return err
		}
		if !c.Bool("force") && !confirm(c, "all stopped containers") {
			return nil
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		all, _ := store.List()
		stopped, err := wanted.Apply(all)
		if err != nil {
			return err
		}
		var freed int64
		head := "Deleted Containers:\n"
		for _, cont := range stopped {
			if cont.State.Status.Live() {
				continue
			}
			size := store.WritableSize(cont.Config.ID)
			if err := remove(store, cont.Config.ID, false, false); err != nil {
				warn(c.App.ErrWriter, "%v", err)
				continue
			}
			fmt.Fprintf(c.App.Writer, "%s%s\n", head, cont.Config.ID)
			head = ""
			freed += size
		}
		_, err = fmt.Fprintf(c.App.Writer, "\nTotal reclaimed space: %s\n", units.HumanSize(float64(freed)))
		return err
	},
}
