package main

import (
	"fmt"

	"github.com/moby/sys/signal"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime/monitor"
)

var killCommand = &cli.Command{
	Name:      "kill",
	Usage:     "send a signal to running containers",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Value: "KILL", Usage: "signal to send"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		sig, err := parseSignal(c.String("signal"))
		if err != nil {
			return err
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		return each(c, func(ref string) error {
			id, err := store.Resolve(ref)
			if err != nil {
				return err
			}
			cont, err := store.Load(id)
			if err != nil {
				return err
			}
			own, _ := signal.ParseSignal(cont.Config.StopSignal)
			ends := sig == unix.SIGKILL || sig == own || (own == 0 && sig == unix.SIGTERM)
			req := monitor.Request{Op: monitor.OpSignal, Signal: int(sig), Stop: ends}
			if err := monitor.Do(store, id, req); err != nil {
				return fmt.Errorf("cannot kill container: %s: %w", ref, err)
			}
			return nil
		})
	},
}
