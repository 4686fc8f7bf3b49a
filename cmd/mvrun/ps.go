package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/filter"
	"github.com/mvrun/mvrun/internal/door/table"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime"
)

var psCommand = &cli.Command{
	Name:    "ps",
	Aliases: []string{"list"},
	Usage:   "list containers",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "those that don't run too"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "IDs only"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "don't shorten"},
		&cli.BoolFlag{Name: "latest", Aliases: []string{"l"}, Usage: "the newest only, in any state"},
		&cli.IntFlag{Name: "last", Aliases: []string{"n"}, Value: -1, Usage: "the n newest only, in any state"},
		&cli.BoolFlag{Name: "size", Aliases: []string{"s"}, Usage: "show the size of the writable layer"},
		&cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "KEY=VALUE: id, name, label, status, exited, ancestor, network, before, since, volume"},
		&cli.StringFlag{Name: "format", Usage: "Go template, table TEMPLATE, or json"},
	},
	Action: ps,
}

func ps(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	wanted, err := parseFilter(c.StringSlice("filter"), filter.Containers())
	if err != nil {
		return err
	}
	store, err := openStore(c)
	if err != nil {
		return err
	}
	all, errs := store.List()
	for _, err := range errs {
		warn(c.App.ErrWriter, "%v", err)
	}
	last := c.Int("last")
	if c.Bool("latest") {
		last = 1
	}
	shown, err := wanted.Apply(all)
	if err != nil {
		return err
	}
	if !c.Bool("all") && last < 0 && !wanted.Has("status") && !wanted.Has("exited") {
		shown = slices.DeleteFunc(shown, func(cont *runtime.Container) bool { return !cont.State.Status.Live() })
	}
	if last >= 0 && len(shown) > last {
		shown = shown[:last]
	}
	if c.Bool("quiet") {
		for _, cont := range shown {
			fmt.Fprintln(c.App.Writer, shownID(cont.Config.ID, c.Bool("no-trunc")))
		}
		return nil
	}
	l := table.List{
		Columns: []string{"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"},
		Heads: map[string]string{
			"ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED", "Status": "STATUS", "Ports": "PORTS", "Names": "NAMES",
			"CreatedAt": "CREATED AT", "State": "STATE", "Labels": "LABELS", "Networks": "NETWORKS", "Mounts": "MOUNTS", "Size": "SIZE", "LocalVolumes": "LOCAL VOLUMES", "Platform": "PLATFORM", "Addresses": "ADDRESSES",
		},
	}
	size := c.Bool("size") || strings.Contains(c.String("format"), ".Size")
	if c.Bool("size") {
		l.Columns = append(l.Columns, "Size")
	}
	for _, cont := range shown {
		l.Rows = append(l.Rows, psRow(store, cont, c.Bool("no-trunc"), size))
	}
	return l.Print(c.App.Writer, c.String("format"))
}

func shownID(id string, whole bool) string {
	if whole {
		return id
	}
	return runtime.ShortID(id)
}

func psRow(store *runtime.Store, cont *runtime.Container, whole, size bool) map[string]string {
	conf := &cont.Config
	command := commandText(conf.Args())
	if r := []rune(command); !whole && len(r) > 20 {
		command = string(r[:19]) + "…"
	}
	row := map[string]string{
		"ID":           shownID(conf.ID, whole),
		"Image":        conf.Image,
		"Command":      `"` + command + `"`,
		"RunningFor":   units.HumanDuration(time.Since(conf.Created)) + " ago",
		"CreatedAt":    conf.Created.Format("2006-01-02 15:04:05 -0700 MST"),
		"Status":       statusText(&cont.State) + networkMark(cont),
		"State":        string(cont.State.Status),
		"Addresses":    addresses(cont),
		"Names":        conf.Name,
		"Labels":       joinLabels(conf.Labels),
		"Networks":     networkNames(conf),
		"Mounts":       mountNames(conf, whole),
		"LocalVolumes": fmt.Sprint(len(conf.Volumes())),
		"Platform":     conf.Platform + "/" + conf.Architecture,
		"Size":         "0B",
	}
	// Where its ports are: on addresses of its own.
	row["Ports"] = row["Addresses"]
	if size {
		own := store.WritableSize(conf.ID)
		row["Size"] = fmt.Sprintf("%s (virtual %s)", humanSize(own), humanSize(own+rootfs.SizeOf(conf.Layers)))
	}
	return row
}

// commandText is what a container runs, as one line.
func commandText(args []string) string {
	shown := slices.Clone(args)
	for i, arg := range shown {
		if i > 0 && strings.Contains(arg, " ") {
			shown[i] = "'" + arg + "'"
		}
	}
	return strings.Join(shown, " ")
}

// statusText is Docker's: "Up 5 minutes (Paused)", "Exited (0) 2 hours ago".
func statusText(s *runtime.State) string {
	up := units.HumanDuration(time.Since(s.StartedAt))
	ago := units.HumanDuration(time.Since(s.FinishedAt))
	switch s.Status {
	case runtime.Running:
		return "Up " + up
	case runtime.Paused:
		return "Up " + up + " (Paused)"
	case runtime.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", s.ExitCode, ago)
	case runtime.Exited:
		return fmt.Sprintf("Exited (%d) %s ago", s.ExitCode, ago)
	}
	return strings.ToUpper(string(s.Status[:1])) + string(s.Status[1:])
}

func addresses(cont *runtime.Container) string {
	var list []string
	for _, ep := range cont.Config.Network.Endpoints {
		for _, a := range legAddrs(cont, ep) {
			list = append(list, a.Addr().String())
		}
	}
	return strings.Join(list, ", ")
}

func networkNames(conf *runtime.Config) string {
	if len(conf.Network.Endpoints) == 0 {
		return conf.Network.Mode
	}
	var names []string
	for _, ep := range conf.Network.Endpoints {
		names = append(names, ep.Network)
	}
	return strings.Join(names, ",")
}

func mountNames(conf *runtime.Config, whole bool) string {
	var names []string
	for _, m := range conf.Mounts {
		name := m.Name
		if name == "" {
			name = m.Source
		}
		if r := []rune(name); !whole && len(r) > 15 {
			name = string(r[:14]) + "…"
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
