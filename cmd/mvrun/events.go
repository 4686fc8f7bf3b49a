package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/runtime/container"
)

var eventsCommand = &cli.Command{
	Name:  "events",
	Usage: "show what happens to containers, as it happens",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "since", Usage: "begin with what was later than a time or a duration ago"},
		&cli.StringFlag{Name: "until", Usage: "end at a time; without, go on"},
		&cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "container=NAME|ID, event=ACTION or type=TYPE"},
		&cli.StringFlag{Name: "format", Usage: "Go template, or json"},
	},
	Action: events,
}

func events(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	since, err := momentFlag(c, "since", time.Now())
	if err != nil {
		return err
	}
	until, err := momentFlag(c, "until", time.Time{})
	if err != nil {
		return err
	}
	filters, err := parseFilter(c.StringSlice("filter"), filter.Events())
	if err != nil {
		return err
	}
	wanted, err := filters.Bind(nil)
	if err != nil {
		return err
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	return e.Events(ctx, engine.EventsOptions{Since: since, Until: until, Wanted: wanted}, func(ev container.Event) error {
		return printEvent(c.App.Writer, c.String("format"), ev)
	})
}

func printEvent(w io.Writer, format string, e container.Event) error {
	if format != "" {
		return printValue(w, format, e)
	}
	about := []string{"name=" + e.Name}
	for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
		about = append(about, k+"="+e.Attributes[k])
	}
	_, err := fmt.Fprintf(w, "%s %s %s %s (%s)\n", e.Time.Format("2006-01-02T15:04:05.000000000Z07:00"), e.Type, e.Action, e.ID, strings.Join(about, ", "))
	return err
}
