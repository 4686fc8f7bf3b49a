package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/urfave/cli/v2"
)

var networkInspectCommand = &cli.Command{
	Name:      "inspect",
	Usage:     "show networks in full",
	ArgsUsage: "NETWORK…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "json or TEMPLATE"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "accepted; there is no more to show"},
	},
	Action: inspectNetworks,
}

func inspectNetworks(c *cli.Context) error {
	if c.NArg() == 0 {
		return errUsage(c, "at least 1 argument, a network")
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	views := []any{}
	var errs []error
	for _, name := range c.Args().Slice() {
		cfg, err := s.Networks.Get(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		v, err := viewNetwork(s, cfg)
		if err != nil {
			warn(c.App.ErrWriter, "network %s: %v", cfg.Name, err)
		}
		views = append(views, v)
	}
	return errors.Join(append([]error{printNetworkViews(c.App.Writer, c.String("format"), views)}, errs...)...)
}

// printNetworkViews prints one JSON array, or the template once for each. As
// in Docker a template may name a field as Go does (.ID) or as the JSON does
// (.Id).
func printNetworkViews(w io.Writer, format string, views []any) error {
	if format == "" || format == "json" {
		return printValue(w, format, views)
	}
	for _, v := range views {
		err := printValue(w, format, v)
		if err != nil {
			data, _ := marshal(v)
			var plain map[string]any
			if json.Unmarshal(data, &plain) == nil && printValue(w, format, plain) == nil {
				continue
			}
			return err
		}
	}
	return nil
}
