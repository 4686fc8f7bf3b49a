package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/output"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/network/trunk"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/kernel"
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
	store, err := openStore(c)
	if err != nil {
		return err
	}
	ids, err := resolveAll(store, c.Args().Slice())
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	before := usages(store, statsOf(c, store, ids))
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(statsInterval):
		}
		shown := statsOf(c, store, ids)
		if len(ids) > 0 && len(shown) == 0 {
			return nil // all were removed
		}
		now := usages(store, shown)
		l := table.List{Columns: []string{"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"}, Heads: view.StatsHeads}
		for _, cont := range shown {
			id := cont.Config.ID
			received, sent := traffic(cont, now[id])
			l.Rows = append(l.Rows, view.StatsRow(cont, before[id], now[id], received, sent, c.Bool("no-trunc")))
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

func resolveAll(store *container.Store, refs []string) (ids []string, err error) {
	for _, ref := range refs {
		id, err := store.Resolve(ref)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// statsOf are the containers that were asked for and are still there; without
// any, those that run.
func statsOf(c *cli.Context, store *container.Store, ids []string) (shown []*container.Container) {
	for _, id := range ids {
		if cont, err := store.Load(id); err == nil {
			shown = append(shown, cont)
		}
	}
	if len(ids) > 0 {
		return shown
	}
	all, errs := store.List()
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

// usages are by ID. One that ended meanwhile uses nothing.
func usages(store *container.Store, list []*container.Container) map[string]kernel.Usage {
	by := map[string]kernel.Usage{}
	for _, cont := range list {
		if !cont.State.Status.Live() {
			continue
		}
		if u, err := kernel.Of(store).Usage(cont.Config.ID); err == nil {
			by[cont.Config.ID] = u
		}
	}
	return by
}

// traffic is what went through the container's network namespace, in bytes. A
// container that ends just now has none to look into.
func traffic(cont *container.Container, now kernel.Usage) (received, sent uint64) {
	if now.At.IsZero() || cont.Config.Network.Mode == network.Host {
		return 0, 0
	}
	received, sent, _ = trunk.Traffic("/proc/" + strconv.Itoa(cont.State.Init.Pid) + "/ns/net")
	return received, sent
}
