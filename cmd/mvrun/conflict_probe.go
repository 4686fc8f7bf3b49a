package main

import (
	"cmp"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network"
)

func conflictProbeFlag() cli.Flag {
	return &cli.StringFlag{Name: "conflict-probe", Usage: "how long to ask the LAN whether the address is free, or off (default: 30ms)"}
}

// setProbe tells the legs how long to look for others with their addresses.
func setProbe(c *cli.Context, w *wish) error {
	if len(w.legs) == 0 {
		if c.IsSet("conflict-probe") {
			return errors.New("--conflict-probe needs --vlan N or --network NAME: without a network there is no address to look for")
		}
		return nil
	}
	probe, err := conflictProbe(c)
	for i := range w.legs {
		w.legs[i].Probe = probe
	}
	return err
}

// conflictProbe is what the command line says, else the configuration file; 0 is
// mvrun's own default.
func conflictProbe(c *cli.Context) (time.Duration, error) {
	if c.IsSet("conflict-probe") {
		return network.ParseProbe(cmp.Or(c.String("conflict-probe"), " "))
	}
	conf, err := configOf(c)
	if err != nil {
		return 0, err
	}
	return network.ParseProbe(conf.ConflictProbe)
}
