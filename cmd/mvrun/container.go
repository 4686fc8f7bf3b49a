package main

import (
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/runtime/container"
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
				err = fmt.Errorf("%w: %s", container.ErrNotFound, ref)
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
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		all, _ := e.Containers.List(c.Context)
		stopped, err := wanted.Apply(all)
		if err != nil {
			return err
		}
		done := e.Containers.Prune(c.Context, stopped)
		for _, err := range done.Errs {
			warn(c.App.ErrWriter, "%v", err)
		}
		if len(done.IDs) > 0 {
			fmt.Fprintf(c.App.Writer, "Deleted Containers:\n%s\n", strings.Join(done.IDs, "\n"))
		}
		_, err = fmt.Fprintf(c.App.Writer, "\nTotal reclaimed space: %s\n", units.HumanSize(float64(done.Freed)))
		return err
	},
}
