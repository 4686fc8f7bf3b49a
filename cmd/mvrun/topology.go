package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/output"
	"github.com/mvrun/mvrun/topology"
)

var topologyCommand = &cli.Command{
	Name:  "topology",
	Usage: "draw trunk, sub-interfaces, networks and containers as the kernel has them",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "tree", Usage: "tree, json, dot (for Graphviz) or svg"},
	},
	Action: showTopology,
}

func showTopology(c *cli.Context) error {
	if err := takesNone(c); err != nil {
		return err
	}
	draw, known := map[string]func(*topology.Map) error{
		"tree": func(m *topology.Map) error {
			return m.Text(output.Raw(c.App.Writer), output.Terminal(c.App.Writer) != nil && os.Getenv("NO_COLOR") == "")
		},
		"json": func(m *topology.Map) error { return printValue(c.App.Writer, "", m) },
		"dot":  func(m *topology.Map) error { return m.DOT(c.App.Writer) },
		"svg":  func(m *topology.Map) error { return m.SVG(c.App.Writer) },
	}[c.String("format")]
	if !known {
		return fmt.Errorf("--format %s: use tree, json, dot or svg", c.String("format"))
	}
	store, err := openStore(c)
	if err != nil {
		return err
	}
	m, err := topology.Gather(store)
	if err != nil {
		return err
	}
	for _, w := range m.Warnings {
		warn(c.App.ErrWriter, "%s", w)
	}
	return draw(m)
}
