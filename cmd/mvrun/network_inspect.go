package main

import (
	"errors"

	"github.com/urfave/cli/v2"
)

var networkInspectCommand = &cli.Command{
	Name:      "inspect",
	Usage:     "show networks in full",
	ArgsUsage: "NETWORK…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "json or TEMPLATE"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "refused: all that is known is shown without it"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a network")
		}
		if c.Bool("verbose") {
			return errors.New("--verbose: of swarm services, which there are none of; all that is known of a network is shown without it")
		}
		s, err := openStore(c)
		if err != nil {
			return err
		}
		return inspectAll(c, func(ref string) (any, error) {
			cfg, err := s.Networks.Get(ref)
			if err != nil {
				return nil, err
			}
			v, err := viewNetwork(s, cfg)
			if err != nil {
				warn(c.App.ErrWriter, "network %s: %v", cfg.Name, err)
			}
			return v, nil
		})
	},
}
