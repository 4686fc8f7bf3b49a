package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime"
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
	var rows []map[string]string
	for _, n := range shown {
		rows = append(rows, networkRow(n.Config, c.Bool("no-trunc")))
	}
	return printNetworks(c, rows)
}

func printNetworks(c *cli.Context, rows []map[string]string) error {
	format := c.String("format")
	if c.Bool("quiet") {
		format = "{{.ID}}"
	}
	l := table.List{
		Columns: []string{"ID", "Name", "Driver", "Scope"},
		Heads: map[string]string{
			"ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE",

			"IPv4": "IPV4", "IPv6": "IPV6", "Internal": "INTERNAL", "Labels": "LABELS", "CreatedAt": "CREATED AT",
			"VLAN": "VLAN", "Parent": "PARENT", "Subnet": "SUBNET",
		},
		Rows: rows,
	}
	return l.Print(c.App.Writer, format)
}

func networkRow(cfg network.Config, full bool) map[string]string {
	id := cfg.ID
	if !full {
		id = runtime.ShortID(id)
	}
	vlan := cfg.Tags()
	var subnets []string
	for _, sub := range cfg.Subnets {
		subnets = append(subnets, sub.Prefix.String())
	}
	return map[string]string{
		"ID": id, "Name": cfg.Name, "Driver": cfg.Driver, "Scope": "local",
		"IPv4": "true", "IPv6": strconv.FormatBool(hasIPv6(cfg)), "Internal": strconv.FormatBool(cfg.Internal),
		"Labels": joinLabels(cfg.Labels), "CreatedAt": cfg.Created.Local().Format("2006-01-02 15:04:05.999999999 -0700 MST"),
		"VLAN": vlan, "Parent": cfg.Parent, "Subnet": strings.Join(subnets, ","),
	}
}

func joinLabels(labels map[string]string) string {
	var pairs []string
	for k, v := range labels {
		pairs = append(pairs, fmt.Sprintf("%s=%s", k, v))
	}
	sort.Strings(pairs)
	return strings.Join(pairs, ",")
}

// networkUsed tells whether any container has a claim on the network.
func networkUsed(s *runtime.Store, cfg network.Config) bool {
	if cfg.Predefined() {
		return true
	}
	claims, _ := s.Networks.Claims(cfg.Name)
	return len(claims) > 0
}
