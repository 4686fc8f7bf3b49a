package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
)

var networkLsCommand = &cli.Command{
	Name:    "ls",
	Aliases: []string{"list"},
	Usage:   "list networks",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print IDs only"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "don't shorten IDs"},
		&cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "name=, id=, driver=, label=, type=, scope= or dangling="},
		&cli.StringFlag{Name: "format", Usage: "json, table TEMPLATE or TEMPLATE"},
	},
	Action: listNetworks,
}

func listNetworks(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	wanted, err := parseFilter(c.StringSlice("filter"), filter.Only(filter.Networks(), "dangling", "driver", "id", "label", "name", "scope", "type"))
	if err != nil {
		return err
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	all, bad := s.Networks.List()
	if bad != nil {
		warn(c.App.ErrWriter, "%v", bad)
	}
	var found []filter.Network
	for _, cfg := range all {
		found = append(found, filter.Network{Config: cfg, Used: networkUsed(s, cfg)})
	}
	shown, err := wanted.Apply(found)
	if err != nil {
		return err
	}
	l := table.List{Columns: []string{"ID", "Name", "Driver", "Scope"}, Heads: view.NetworkHeads}
	for _, n := range shown {
		l.Rows = append(l.Rows, view.NetworkRow(n.Config, c.Bool("no-trunc")))
	}
	if c.Bool("quiet") {
		return l.Print(c.App.Writer, "{{.ID}}")
	}
	return l.Print(c.App.Writer, c.String("format"))
}

// networkUsed tells whether any container has a claim on the network.
func networkUsed(s *container.Store, cfg network.Config) bool {
	if cfg.Predefined() {
		return true
	}
	claims, _ := s.Networks.Claims(cfg.Name)
	return len(claims) > 0
}
