package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
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
	since, err := parseTime(c.String("since"))
	if err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	if c.String("since") == "" {
		since = time.Now()
	}
	until, err := parseTime(c.String("until"))
	if err != nil {
		return fmt.Errorf("--until: %w", err)
	}
	wanted, err := eventFilter(c.StringSlice("filter"))
	if err != nil {
		return err
	}
	store, err := openStore(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	if !until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	return store.Events(ctx, func(e runtime.Event) error {
		if e.Time.Before(since) || !until.IsZero() && e.Time.After(until) || !wanted(e) {
			return nil
		}
		return printEvent(c.App.Writer, c.String("format"), e)
	})
}

func printEvent(w io.Writer, format string, e runtime.Event) error {
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

// eventFilter reads --filter: values of one key are alternatives.
func eventFilter(args []string) (func(runtime.Event) bool, error) {
	by := map[string][]string{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || !slices.Contains([]string{"container", "event", "type"}, key) {
			return nil, errors.New("--filter " + arg + ": use container=NAME|ID, event=ACTION or type=TYPE")
		}
		by[key] = append(by[key], value)
	}
	return func(e runtime.Event) bool {
		for key, values := range by {
			fits := slices.ContainsFunc(values, func(v string) bool {
				switch key {
				case "container":
					return e.Name == v || v != "" && strings.HasPrefix(e.ID, v)
				case "event":
					return e.Action == v
				}
				return e.Type == v
			})
			if !fits {
				return false
			}
		}
		return true
	}, nil
}
