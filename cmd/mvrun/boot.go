package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// lookAgain is how often boot looks whether a parent has appeared.
const lookAgain = 200 * time.Millisecond

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
		store, err := openStore(c)
		if err != nil {
			return err
		}
		return boot(c, store)
	},
}

// boot starts what shall run, the oldest first, each as soon as its parents
// are there. One that can't start does not keep the others from it. To call it
// again changes nothing for those that run.
func boot(c *cli.Context, store *runtime.Store) error {
	all, errs := store.List()
	slices.Reverse(all) // the list has the newest first
	pending := slices.DeleteFunc(all, func(cont *runtime.Container) bool { return !startsAtBoot(cont) })
	for deadline := time.Now().Add(c.Duration("wait")); len(pending) > 0; {
		late := !time.Now().Before(deadline)
		waiting := pending[:0]
		for _, cont := range pending {
			if missing := missingParent(cont); missing != "" && !late {
				waiting = append(waiting, cont)
			} else if err := bootOne(c, store, cont); err != nil {
				errs = append(errs, err)
			}
		}
		if pending = waiting; len(pending) > 0 {
			time.Sleep(lookAgain)
		}
	}
	return reportAll(c, errs)
}

// startsAtBoot is Docker's rule: what was started once starts again by
// "always", and by "unless-stopped" unless the user stopped it.
func startsAtBoot(cont *runtime.Container) bool {
	if cont.State.Status.Live() || cont.State.Status == runtime.Created {
		return false
	}
	switch cont.Config.Restart.Name {
	case runtime.RestartAlways:
		return true
	case runtime.RestartUnlessStopped:
		return !cont.State.StoppedByUser
	}
	return false
}

// missingParent names a parent of the container that the host does not have
// (yet), or is empty.
func missingParent(cont *runtime.Container) string {
	for _, ep := range cont.Config.Network.Endpoints {
		if _, err := net.InterfaceByName(ep.Parent); err != nil {
			return ep.Parent
		}
	}
	return ""
}

func bootOne(c *cli.Context, store *runtime.Store, cont *runtime.Container) error {
	_, err := startContainer(c, store, cont.Config.ID, protocol.Request{})
	if err != nil && !errors.Is(err, errAlreadyRunning) {
		return fmt.Errorf("start %s: %w", cont.Config.Name, err)
	}
	fmt.Fprintln(c.App.Writer, cont.Config.Name)
	return nil
}

// reportAll prints all errors but the last, which it returns.
func reportAll(c *cli.Context, errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	last := len(errs) - 1
	for _, err := range errs[:last] {
		report(c.App.ErrWriter, err)
	}
	return errs[last]
}
