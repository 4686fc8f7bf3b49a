package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
)

var rmCommand = &cli.Command{
	Name:      "rm",
	Aliases:   []string{"remove"},
	Usage:     "remove containers",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill a running container first; one that is not there is no error"},
		&cli.BoolFlag{Name: "volumes", Aliases: []string{"v"}, Usage: "remove its anonymous volumes too"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		force := c.Bool("force")
		var last error
		for _, ref := range c.Args().Slice() {
			err := remove(store, ref, force, c.Bool("volumes"))
			switch {
			case err == nil:
				fmt.Fprintln(c.App.Writer, ref)
				continue
			case force && errors.Is(err, runtime.ErrNotFound):
				report(c.App.ErrWriter, err)
				continue
			case last != nil:
				report(c.App.ErrWriter, last)
			}
			last = err
		}
		return last
	},
}

// remove makes a container and all that it held go.
func remove(store *runtime.Store, ref string, force, volumes bool) error {
	id, err := store.Resolve(ref)
	if err != nil {
		return err
	}
	h, cont, err := lockForRemoval(store, id, force)
	if errors.Is(err, runtime.ErrNotFound) && force {
		return nil // it went by itself meanwhile
	}
	if err != nil {
		return err
	}
	if cont != nil && (volumes || cont.Config.AutoRemove) {
		if err := store.RemoveAnonymousVolumes(&cont.Config); err != nil {
			return errors.Join(err, h.Close())
		}
	}
	return h.Remove()
}

// lockForRemoval takes the lock of a container, with force after killing it. A
// container whose record is damaged is nil, and can be removed by force alone.
func lockForRemoval(store *runtime.Store, id string, force bool) (*runtime.Handle, *runtime.Container, error) {
	for deadline := time.Now().Add(settle); ; {
		cont, err := store.Load(id)
		if errors.Is(err, runtime.ErrNotFound) || err != nil && !force {
			return nil, nil, err
		}
		if cont != nil && cont.State.Status.Live() {
			if !force {
				return nil, nil, fmt.Errorf("cannot remove container %q: container is %s: stop the container before removing or force remove", cont.Config.Name, cont.State.Status)
			}
		}
		if cont == nil || cont.State.Status.Live() {
			if err := stopContainer(store, id, stopping{timeout: new(int), signal: unix.SIGKILL}); err != nil {
				return nil, nil, err
			}
		}
		h, err := store.Lock(id)
		if err == nil {
			return h, cont, nil
		}
		if !errors.Is(err, runtime.ErrRunning) || time.Now().After(deadline) {
			return nil, nil, err
		}
		time.Sleep(5 * time.Millisecond) // it is starting, or ending, or being looked after
	}
}
