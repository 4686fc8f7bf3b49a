package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/moby/sys/signal"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/engine"
)

func stopFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "timeout", Aliases: []string{"t", "time"}, Usage: "seconds to wait before killing (default: the container's, else 10); -1 waits for ever"},
		&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Usage: "signal to send (default: the container's stop signal)"},
	}
}

var stopCommand = &cli.Command{
	Name:      "stop",
	Usage:     "stop running containers",
	ArgsUsage: "CONTAINER…",
	Flags:     stopFlags(),
	Action: func(c *cli.Context) error {
		return eachStopped(c, (*engine.Containers).Stop)
	},
}

// eachStopped stops every container of the arguments, one way or another.
func eachStopped(c *cli.Context, stop func(*engine.Containers, context.Context, string, engine.StopOptions) error) error {
	o, err := stopOptions(c)
	if c.NArg() > 0 && err != nil {
		return err
	}
	return eachContainer(c, func(cs *engine.Containers, ctx context.Context, ref string) error {
		return stop(cs, ctx, ref, o)
	})
}

func stopOptions(c *cli.Context) (o engine.StopOptions, err error) {
	if c.IsSet("timeout") {
		t := time.Duration(c.Int("timeout")) * time.Second
		o.Timeout = &t
	}
	if s := c.String("signal"); s != "" {
		o.Signal, err = parseSignal(s)
	}
	return o, err
}

// lastSignal is SIGRTMAX.
const lastSignal = unix.Signal(64)

func parseSignal(s string) (unix.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil && (n < 1 || n > int(lastSignal)) {
		return 0, fmt.Errorf("invalid signal: %s", s)
	}
	sig, err := signal.ParseSignal(s)
	if err != nil {
		return 0, fmt.Errorf("invalid signal: %s", s)
	}
	return sig, nil
}
