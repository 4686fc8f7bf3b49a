package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/network"
)

var networkPruneCommand = &cli.Command{
	Name:  "prune",
	Usage: "remove all networks that no container is on",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "don't ask"},
		&cli.StringSliceFlag{Name: "filter", Usage: "until=, label= or label!="},
	},
	Action: pruneNetworks,
}

func pruneNetworks(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	wanted, err := parseFilter(c.StringSlice("filter"), filter.Only(filter.Networks(), "label", "label!", "until"))
	if err != nil {
		return err
	}
	if !c.Bool("force") && !confirm(c, "all custom networks not used by at least one container") {
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
	removed, err := e.Networks.Prune(c.Context, func(cfg network.Config) bool { return fits(filter.Network{Config: cfg}) })
	if len(removed) > 0 {
		fmt.Fprintf(c.App.Writer, "Deleted Networks:\n%s\n\n", strings.Join(removed, "\n"))
	}
	return err
}
