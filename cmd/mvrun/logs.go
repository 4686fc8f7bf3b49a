package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/internal/door/moment"
	"github.com/mvrun/mvrun/internal/door/output"
)

var logsCommand = &cli.Command{
	Name:      "logs",
	Usage:     "print what a container wrote",
	ArgsUsage: "CONTAINER",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on until the container stops"},
		&cli.BoolFlag{Name: "timestamps", Aliases: []string{"t"}, Usage: "begin each line with its time"},
		&cli.StringFlag{Name: "tail", Aliases: []string{"n"}, Value: "all", Usage: "number of lines from the end"},
		&cli.StringFlag{Name: "since", Usage: "only what is later than a time (RFC 3339, Unix seconds) or a duration ago (10m)"},
		&cli.StringFlag{Name: "until", Usage: "only what is earlier"},
		&cli.BoolFlag{Name: "details", Usage: "refused: no log here keeps the attributes that it shows"},
	},
	Action: logs,
}

func logs(c *cli.Context) error {
	if c.NArg() != 1 {
		return errUsage(c, "exactly 1 argument, a container")
	}
	if c.Bool("details") {
		return errors.New("--details: shows what --log-opt labels and env would have added to the log, which this one has not: leave it out")
	}
	tail := -1
	if t := c.String("tail"); t != "all" {
		n, err := strconv.Atoi(t)
		if err != nil {
			return fmt.Errorf("--tail %s: invalid number of lines", t)
		}
		tail = max(n, -1)
	}
	since, err := momentFlag(c, "since", time.Time{})
	if err != nil {
		return err
	}
	until, err := momentFlag(c, "until", time.Time{})
	if err != nil {
		return err
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	ctx, stop := c.Context, func() {}
	if c.Bool("follow") {
		ctx, stop = interruptible(c)
	}
	defer stop()
	// What a program writes to its terminal is meant for one: it stays as it is.
	err = e.Containers.Logs(ctx, c.Args().First(), engine.LogsOptions{
		Since: since, Until: until, Tail: tail, Timestamps: c.Bool("timestamps"), Follow: c.Bool("follow"),
		Stdout: output.Raw(c.App.Writer), Stderr: output.Raw(c.App.ErrWriter),
	})
	if errors.Is(err, engine.ErrNoLog) {
		err = fmt.Errorf("%w: the container was made with --log-driver none", err)
	}
	return err
}

// momentFlag is the moment that a flag names; without it, none is.
func momentFlag(c *cli.Context, name string, none time.Time) (time.Time, error) {
	text := c.String(name)
	if text == "" {
		return none, nil
	}
	t, err := moment.Parse(text, time.Now())
	if err != nil {
		return t, fmt.Errorf("--%s: %w", name, err)
	}
	return t, nil
}
