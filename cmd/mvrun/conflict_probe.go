package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/network/acd"
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

// conflictProbe is what the command line says, else the configuration file;
// empty is mvrun's own default.
func conflictProbe(c *cli.Context) (string, error) {
	if !c.IsSet("conflict-probe") {
		conf, err := configOf(c)
		if err != nil || conf.ConflictProbe == "" {
			return "", err
		}
		return conf.ConflictProbe, nil
	}
	probe := c.String("conflict-probe")
	_, err := acd.ParseWindow(probe)
	return probe, err
}
