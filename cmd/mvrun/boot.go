package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var bootCommand = &cli.Command{
	Name:  "boot",
	Usage: "start the containers that shall run after the host's start (mvrun.service calls it)",
	Flags: []cli.Flag{
		&cli.DurationFlag{Name: "wait", Value: time.Minute, Usage: "longest time to wait for parents that are not there yet"},
	},
	Action: func(c *cli.Context) error {
		if err := takesNone(c); err != nil {
			return err
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		o := outcomes{c: c}
		err = e.Boot(c.Context, c.Duration("wait"), o.print)
		return errors.Join(o.last, err)
	},
}

// outcomes prints what became of each of many containers: its name, or an error,
// but for the last error, which the command ends with.
type outcomes struct {
	c    *cli.Context
	last error
}

func (o *outcomes) print(one engine.Outcome) {
	warnings(o.c, one.Warnings)
	if one.Err == nil {
		fmt.Fprintln(o.c.App.Writer, one.Name)
		return
	}
	if o.last != nil {
		report(o.c.App.ErrWriter, o.last)
	}
	o.last = one.Err
}
