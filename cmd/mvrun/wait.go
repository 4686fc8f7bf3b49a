package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

var waitCommand = &cli.Command{
	Name:      "wait",
	Usage:     "wait until containers stop, and print their exit codes",
	ArgsUsage: "CONTAINER…",
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		var errs []error
		for _, ref := range c.Args().Slice() {
			code, err := waitFor(store, ref)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fmt.Fprintln(c.App.Writer, code)
		}
		return errors.Join(errs...)
	},
}

// waitFor returns the exit code of the container's current life, or of its
// last when it has ended; 0 for one that was never started.
func waitFor(store *runtime.Store, ref string) (int, error) {
	id, err := store.Resolve(ref)
	if err != nil {
		return 0, err
	}
	for {
		session, err := client.Dial(store, id, protocol.Request{Op: protocol.OpWait})
		if err == nil {
			code, err := session.Wait()
			session.Close()
			if !errors.Is(err, client.ErrLost) {
				return code, err
			}
		}
		cont, err := store.Load(id)
		if err != nil {
			return 0, err
		}
		if !cont.State.Status.Live() {
			return cont.State.ExitCode, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}
