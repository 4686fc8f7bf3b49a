package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
)

var attachCommand = &cli.Command{
	Name:      "attach",
	Usage:     "attach to the streams of a running container",
	ArgsUsage: "CONTAINER",
	Flags: []cli.Flag{
		detachKeysFlag(), sigProxyFlag(),
		&cli.BoolFlag{Name: "no-stdin", Usage: "don't attach to stdin"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() != 1 {
			return errUsage(c, "exactly 1 argument, a container")
		}
		store, cont, err := openContainer(c, c.Args().First())
		if err != nil {
			return err
		}
		id := cont.Config.ID
		switch {
		case cont.State.Status == runtime.Paused:
			return errors.New("you cannot attach to a paused container, unpause it first")
		case !cont.State.Status.Live():
			return fmt.Errorf("you cannot attach to a stopped container, start it first: container %s is not running", cont.Config.Name)
		}
		keys, err := detachKeys(c)
		if err != nil {
			return err
		}
		s := streamsOf(c, &cont.Config)
		s.stdin = s.stdin && !c.Bool("no-stdin")
		if err := s.check(); err != nil {
			return err
		}
		session, err := client.Dial(store, id, s.request(true))
		if err != nil {
			return err
		}
		return exitWith(s.follow(store, id, session, keys, c.Bool("sig-proxy")))
	},
}
