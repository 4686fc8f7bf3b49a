package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/internal/door/output"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/runtime/container"
)

var statsCommand = &cli.Command{
	Name:      "stats",
	Usage:     "show what running containers use: processor, memory, network, disks",
	ArgsUsage: "[CONTAINER…]",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "those that don't run too"},
		&cli.BoolFlag{Name: "no-stream", Usage: "once, not every second"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "don't shorten"},
		&cli.StringFlag{Name: "format", Usage: "Go template, table TEMPLATE, or json"},
	},
	Action: stats,
}

// statsInterval is the time between two looks; the processor's share is of it.
const statsInterval = time.Second

func stats(c *cli.Context) error {
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	ids, err := resolveAll(c, e)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	before := samples(c, e, statsOf(c, e, ids))
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(statsInterval):
		}
		shown := statsOf(c, e, ids)
		if len(ids) > 0 && len(shown) == 0 {
			return nil // all were removed
		}
		now := samples(c, e, shown)
		l := table.List{Columns: []string{"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"}, Heads: view.StatsHeads}
		for _, cont := range shown {
			id := cont.Config.ID
			l.Rows = append(l.Rows, view.StatsRow(cont, before[id].Usage, now[id].Usage, now[id].Received, now[id].Sent, c.Bool("no-trunc")))
		}
		if output.Terminal(c.App.Writer) != nil && !c.Bool("no-stream") {
			fmt.Fprint(output.Raw(c.App.Writer), "\x1b[H\x1b[2J") // home, clear
		}
		if err := l.Print(c.App.Writer, c.String("format")); err != nil || c.Bool("no-stream") {
			return err
		}
		before = now
	}
}

func resolveAll(c *cli.Context, e *engine.Engine) (ids []string, err error) {
	for _, ref := range c.Args().Slice() {
		cont, err := e.Containers.Get(c.Context, ref)
		if err != nil {
			return nil, err
		}
		ids = append(ids, cont.Config.ID)
	}
	return ids, nil
}

// statsOf are the containers that were asked for and are still there; without
// any, those that run.
func statsOf(c *cli.Context, e *engine.Engine, ids []string) (shown []*container.Container) {
	for _, id := range ids {
		if cont, err := e.Containers.Get(c.Context, id); err == nil {
			shown = append(shown, cont)
		}
	}
	if len(ids) > 0 {
		return shown
	}
	all, errs := e.Containers.List(c.Context)
	for _, err := range errs {
		warn(c.App.ErrWriter, "%v", err)
	}
	for _, cont := range all {
		if cont.State.Status.Live() || c.Bool("all") {
			shown = append(shown, cont)
		}
	}
	return shown
}

// samples are by ID.
func samples(c *cli.Context, e *engine.Engine, list []*container.Container) map[string]engine.Sample {
	by := map[string]engine.Sample{}
	for _, cont := range list {
		by[cont.Config.ID] = e.Containers.Sample(c.Context, cont)
	}
	return by
}
