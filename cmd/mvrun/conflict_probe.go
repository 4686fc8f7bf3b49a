package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network"
)

// setProbe tells the legs how long to look for others with their addresses: by
// the command line, else by the configuration file.
func setProbe(c *cli.Context, w *wish) error {
	probe := c.String("conflict-probe")
	switch {
	case len(w.legs) == 0 && c.IsSet("conflict-probe"):
		return errors.New("--conflict-probe needs --vlan N or --network NAME: without a network there is no address to look for")
	case len(w.legs) == 0:
		return nil
	case !c.IsSet("conflict-probe"):
		conf, err := configOf(c)
		if err != nil {
			return err
		}
		probe = conf.ConflictProbe
	case probe == "":
		return errors.New("--conflict-probe needs a duration such as 30ms, or off")
	}
	if probe != "" {
		if err := network.CheckProbe(probe); err != nil {
			return err
		}
	}
	for i := range w.legs {
		w.legs[i].Probe = probe
	}
	return nil
}
