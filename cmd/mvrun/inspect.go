package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/oci"
)

var inspectCommand = &cli.Command{
	Name:      "inspect",
	Usage:     "show all of a container, image, network or volume",
	ArgsUsage: "NAME|ID…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "Go template, or json"},
		&cli.BoolFlag{Name: "size", Aliases: []string{"s"}, Usage: "show the size of a container's writable layer"},
		&cli.StringFlag{Name: "type", Usage: "container, image, network or volume"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		find, err := finders(c, store)
		if err != nil {
			return err
		}
		return inspectAll(c, find)
	},
}

// errNoObject is what a finder says when it has no such thing.
var errNoObject = errors.New("no such object")

type finder func(ref string) (any, error)

// finders are asked in turn, or the one of --type.
func finders(c *cli.Context, store *container.Store) (finder, error) {
	kinds := []struct {
		name string
		find finder
	}{
		{"container", func(ref string) (any, error) { return inspectContainer(store, ref, c.Bool("size")) }},
		{"image", func(ref string) (any, error) { return inspectImageObject(c, store, ref) }},
		{"network", func(ref string) (any, error) { return inspectNetworkObject(store, ref) }},
		{"volume", func(ref string) (any, error) { return inspectVolumeObject(store, ref) }},
	}
	want := c.String("type")
	known := want == ""
	for _, k := range kinds {
		known = known || k.name == want
	}
	if !known {
		return nil, fmt.Errorf("%q is not a valid value for --type: use container, image, network or volume", want)
	}
	return func(ref string) (any, error) {
		for _, k := range kinds {
			if want != "" && k.name != want {
				continue
			}
			v, err := k.find(ref)
			if !errors.Is(err, errNoObject) {
				return v, err
			}
		}
		return nil, fmt.Errorf("no such %s: %s", cmp.Or(want, "object"), ref)
	}, nil
}

// inspectAll prints what is found as one JSON array, or a template a line; an
// error for each of the others follows.
func inspectAll(c *cli.Context, find finder) error {
	found := []any{}
	var last error
	for _, ref := range c.Args().Slice() {
		v, err := find(ref)
		if err != nil {
			if last != nil {
				report(c.App.ErrWriter, last)
			}
			last = err
			continue
		}
		found = append(found, v)
	}
	format := c.String("format")
	if format == "" || format == "json" { // all in one array
		return errors.Join(printValue(c.App.Writer, format, found), last)
	}
	var out bytes.Buffer
	for _, v := range found {
		if err := printValue(&out, format, v); err != nil {
			return err
		}
	}
	if len(found) == 0 && last != nil {
		fmt.Fprintln(c.App.Writer)
	}
	_, err := c.App.Writer.Write(out.Bytes())
	return errors.Join(err, last)
}

func inspectContainer(store *container.Store, ref string, size bool) (any, error) {
	id, err := store.Resolve(ref)
	if errors.Is(err, container.ErrNotFound) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, err
	}
	cont, err := store.Load(id)
	if err != nil {
		return nil, err
	}
	profile, _ := oci.AppArmorProfile(cont.Config.Security)
	v := view.NewContainer(cont, view.Place{
		Dir: store.Dir(id), Log: store.LogPath(id), AppArmor: profile,
		Volume: func(name string) string { return volumePath(store, name) },
	})
	if size {
		own := store.WritableSize(id)
		whole := own + rootfs.SizeOf(cont.Config.Layers)
		v.SizeRw, v.SizeRootFs = &own, &whole
	}
	return v, nil
}

func inspectNetworkObject(store *container.Store, ref string) (any, error) {
	n, err := store.Networks.Get(ref)
	if errors.Is(err, network.ErrNotFound) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, err
	}
	return viewNetwork(store, n)
}

// viewNetwork is the network with its claims; with an error, with those that could be
// read.
func viewNetwork(s *container.Store, cfg network.Config) (view.Network, error) {
	if cfg.Predefined() {
		return view.NewNetwork(cfg, nil, nil), nil
	}
	claims, err := s.Networks.Claims(cfg.Name)
	return view.NewNetwork(cfg, claims, s.Networks.Running), err
}
