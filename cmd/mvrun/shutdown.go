package main

import (
	"fmt"
	"sync"

	"github.com/urfave/cli/v2"
)

var shutdownCommand = &cli.Command{
	Name:  "shutdown",
	Usage: "stop all containers because the host goes down; boot starts them again (mvrun.service calls it)",
	Action: func(c *cli.Context) error {
		if err := takesNone(c); err != nil {
			return err
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		all, errs := store.List()
		var mu sync.Mutex
		var stops sync.WaitGroup
		for _, cont := range all {
			if !cont.State.Status.Live() {
				continue
			}
			stops.Go(func() { // all at once: each may take its whole timeout
				err := stopContainer(store, cont.Config.ID, stopping{shutdown: true})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, fmt.Errorf("stop %s: %w", cont.Config.Name, err))
				} else {
					fmt.Fprintln(c.App.Writer, cont.Config.Name)
				}
			})
		}
		stops.Wait()
		return reportAll(c, errs)
	},
}
