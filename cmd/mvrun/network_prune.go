package main

import (
	"errors"
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
	s, err := openStore(c)
	if err != nil {
		return err
	}
	all, err := s.Networks.List()
	errs := []error{err}
	var removed []string
	fits, err := wanted.Bind(nil)
	if err != nil {
		return err
	}
	for _, cfg := range all {
		if cfg.Predefined() || networkUsed(s, cfg) || !fits(filter.Network{Config: cfg}) {
			continue
		}
		err := s.Networks.Remove(cfg.Name)
		switch {
		case err == nil:
			removed = append(removed, cfg.Name)
		case !errors.Is(err, network.ErrInUse) && !errors.Is(err, network.ErrNotFound): // by now
			errs = append(errs, err)
		}
	}
	if len(removed) > 0 {
		fmt.Fprintf(c.App.Writer, "Deleted Networks:\n%s\n\n", strings.Join(removed, "\n"))
	}
	return errors.Join(errs...)
}
