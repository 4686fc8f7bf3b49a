package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/firewall"
)

// readAllow reads --allow. It is asked after the legs: the rules go into a
// network namespace of the container's own.
func readAllow(c *cli.Context, w *wish) error {
	for _, text := range c.StringSlice("allow") {
		rule, err := firewall.Parse(text)
		if err != nil {
			return fmt.Errorf("--allow: %w", err)
		}
		w.config.Network.Allow = append(w.config.Network.Allow, rule)
	}
	if len(w.config.Network.Allow) > 0 && w.config.Network.Mode == network.Host {
		return errors.New("--allow and --network host exclude each other: the rules would be the host's")
	}
	return nil
}
