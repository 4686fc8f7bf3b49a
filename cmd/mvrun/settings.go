package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/runtime/container"
)

// engineOf opens the engine over the directories that the global options name.
func engineOf(c *cli.Context) (*engine.Engine, error) {
	o, err := settings(c)
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(o)
	if err != nil {
		return nil, err
	}
	if e.Unfinished != nil {
		warn(c.App.ErrWriter, "clean up after a killed command: %v", e.Unfinished)
	}
	return e, nil
}

// openStore is engineOf for commands that only look at the records.
func openStore(c *cli.Context) (*container.Store, error) {
	e, err := engineOf(c)
	if err != nil {
		return nil, err
	}
	return e.Store(), nil
}

// settings reads the global options.
func settings(c *cli.Context) (o engine.Options, err error) {
	if o.Root, err = filepath.Abs(c.String("root")); err != nil {
		return o, err
	}
	if o.State, err = filepath.Abs(c.String("state")); err != nil {
		return o, err
	}
	o.CgroupParent = c.String("cgroup-parent")
	if !strings.HasPrefix(o.CgroupParent, "/") || filepath.Clean(o.CgroupParent) != o.CgroupParent {
		return o, fmt.Errorf("--cgroup-parent %s: use a clean absolute path such as /mvrun", o.CgroupParent)
	}
	o.CgroupDriver = c.String("cgroup-driver")
	if !slices.Contains([]string{"auto", "cgroupfs", "systemd"}, o.CgroupDriver) {
		return o, fmt.Errorf("--cgroup-driver %s: use auto, cgroupfs or systemd", o.CgroupDriver)
	}
	return o, nil
}
