package main

import (
	"fmt"
	"time"

	"github.com/moby/sys/signal"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// killWait is how long kill waits for a killed container to be gone.
const killWait = 10 * time.Second

// kill sends the signal. Nothing outlives SIGKILL: then it returns when the
// container has ended.
func kill(store *runtime.Store, id string, req protocol.Request) error {
	if unix.Signal(req.Signal) != unix.SIGKILL {
		return client.Do(store, id, req)
	}
	waiting, err := client.Dial(store, id, protocol.Request{Op: protocol.OpWait})
	if err != nil {
		return err
	}
	defer waiting.Close()
	if err := client.Do(store, id, req); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_, _ = waiting.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(killWait):
	}
	return nil
}

var killCommand = &cli.Command{
	Name:      "kill",
	Usage:     "send a signal to running containers",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Value: "KILL", Usage: "signal to send"},
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		sig, err := parseSignal(c.String("signal"))
		if err != nil {
			return err
		}
		store, err := openStore(c)
		if err != nil {
			return err
		}
		return each(c, func(ref string) error {
			id, err := store.Resolve(ref)
			if err != nil {
				return err
			}
			cont, err := store.Load(id)
			if err != nil {
				return err
			}
			own, _ := signal.ParseSignal(cont.Config.StopSignal)
			ends := sig == unix.SIGKILL || sig == own || (own == 0 && sig == unix.SIGTERM)
			req := protocol.Request{Op: protocol.OpSignal, Signal: int(sig), Stop: ends}
			if err := kill(store, id, req); err != nil {
				return fmt.Errorf("cannot kill container: %s: %w", ref, err)
			}
			return nil
		})
	},
}
