package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

var pauseCommand = &cli.Command{
	Name:      "pause",
	Usage:     "freeze all processes of containers",
	ArgsUsage: "CONTAINER…",
	Action:    func(c *cli.Context) error { return eachAsked(c, protocol.OpPause) },
}

var unpauseCommand = &cli.Command{
	Name:      "unpause",
	Usage:     "let the processes of paused containers go on",
	ArgsUsage: "CONTAINER…",
	Action:    func(c *cli.Context) error { return eachAsked(c, protocol.OpUnpause) },
}

func eachAsked(c *cli.Context, op protocol.Op) error {
	if c.NArg() == 0 {
		return errUsage(c, "at least 1 argument, a container")
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
		return client.Do(store, id, protocol.Request{Op: op})
	})
}
