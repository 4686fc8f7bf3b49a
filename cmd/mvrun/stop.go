package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/moby/sys/signal"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

func stopFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "timeout", Aliases: []string{"t", "time"}, Usage: "seconds to wait before killing (default: the container's, else 10); -1 waits for ever"},
		&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Usage: "signal to send (default: the container's stop signal)"},
	}
}

var stopCommand = &cli.Command{
	Name:      "stop",
	Usage:     "stop running containers",
	ArgsUsage: "CONTAINER…",
	Flags:     stopFlags(),
	Action: func(c *cli.Context) error {
		return eachStopped(c, false, func(store *runtime.Store, id string) error { return nil })
	},
}

var restartCommand = &cli.Command{
	Name:      "restart",
	Usage:     "stop containers and start them again",
	ArgsUsage: "CONTAINER…",
	Flags:     stopFlags(),
	Action: func(c *cli.Context) error {
		return eachStopped(c, true, func(store *runtime.Store, id string) error {
			_, err := startContainer(c, store, id, protocol.Request{})
			return err
		})
	},
}

// eachStopped stops every container of the arguments and goes on with then;
// keep says that they are to start again.
func eachStopped(c *cli.Context, keep bool, then func(*runtime.Store, string) error) error {
	if c.NArg() == 0 {
		return errUsage(c, "at least 1 argument, a container")
	}
	how, err := stopOptions(c)
	if err != nil {
		return err
	}
	how.keep = keep
	store, err := openStore(c)
	if err != nil {
		return err
	}
	return each(c, func(ref string) error {
		id, err := store.Resolve(ref)
		if err != nil {
			return err
		}
		if err := stopContainer(store, id, how); err != nil {
			return err
		}
		return then(store, id)
	})
}

// stopping is how to stop; what is nil or 0 is the container's own choice.
type stopping struct {
	timeout *int
	signal  unix.Signal
	// shutdown: the host goes down, and the container starts again with it.
	shutdown bool
	// keep: the container starts again at once, also one that goes with its exit.
	keep bool
}

func stopOptions(c *cli.Context) (how stopping, err error) {
	if c.IsSet("timeout") {
		t := c.Int("timeout")
		how.timeout = &t
	}
	if s := c.String("signal"); s != "" {
		if how.signal, err = parseSignal(s); err != nil {
			return how, err
		}
	}
	return how, nil
}

// lastSignal is SIGRTMAX.
const lastSignal = unix.Signal(64)

func parseSignal(s string) (unix.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil && (n < 1 || n > int(lastSignal)) {
		return 0, fmt.Errorf("invalid signal: %s", s)
	}
	sig, err := signal.ParseSignal(s)
	if err != nil {
		return 0, fmt.Errorf("invalid signal: %s", s)
	}
	return sig, nil
}

// stopContainer asks the container to end, kills it when it takes too long,
// and returns when it has ended. One that does not run is stopped already.
func stopContainer(store *runtime.Store, id string, how stopping) error {
	err := stopByMonitor(store, id, how)
	if errors.Is(err, client.ErrNotRunning) || errors.Is(err, client.ErrLost) {
		// The monitor died under our eyes: to load is to end what it left.
		if _, err = store.Load(id); errors.Is(err, runtime.ErrNotFound) || errors.Is(err, jsonfile.ErrCorrupt) {
			return nil
		}
	}
	return err
}

func stopByMonitor(store *runtime.Store, id string, how stopping) error {
	cont, err := store.Load(id)
	if errors.Is(err, jsonfile.ErrCorrupt) {
		cont, err = &runtime.Container{}, nil // its monitor knows it all the same
	}
	if err != nil {
		return err
	}
	sig, timeout := unix.SIGTERM, runtime.DefaultStopTimeout
	if s := cont.Config.StopSignal; s != "" {
		if sig, err = parseSignal(s); err != nil {
			return err
		}
	}
	if how.signal != 0 {
		sig = how.signal
	}
	if t := cont.Config.StopTimeout; t != nil {
		timeout = *t
	}
	if how.timeout != nil {
		timeout = *how.timeout
	}
	waiting, err := client.Dial(store, id, protocol.Request{Op: protocol.OpWait})
	if err != nil {
		return err
	}
	defer waiting.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := waiting.Wait()
		ended <- err
	}()
	if err := how.send(store, id, sig); err != nil {
		return err
	}
	if timeout >= 0 {
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Duration(timeout) * time.Second):
			if err := how.send(store, id, unix.SIGKILL); err != nil {
				return err
			}
		}
	}
	return <-ended
}

// send sends a signal that the container shall end of; that it ended
// meanwhile is no error.
func (how stopping) send(store *runtime.Store, id string, sig unix.Signal) error {
	err := client.Do(store, id, protocol.Request{Op: protocol.OpSignal, Signal: int(sig), Stop: true, Shutdown: how.shutdown, Keep: how.keep})
	if errors.Is(err, client.ErrNotRunning) {
		return nil
	}
	return ignoreLost(err)
}

// ignoreLost: a monitor that is gone takes its container with it, by the next
// look at the latest.
func ignoreLost(err error) error {
	if errors.Is(err, client.ErrLost) {
		return nil
	}
	return err
}
