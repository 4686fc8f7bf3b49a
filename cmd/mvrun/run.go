package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/moby/term"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

var runCommand = passProgram(&cli.Command{
	Name:      "run",
	Usage:     "make a container and start it",
	ArgsUsage: "IMAGE [COMMAND [ARG…]]",
	Flags: append(containerFlags(),
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "run in the background and print the container's ID"},
		detachKeysFlag(), sigProxyFlag()),
	Action: func(c *cli.Context) error {
		return withCode(125, runContainer(c))
	},
})

func runContainer(c *cli.Context) error {
	early := client.Prepare()
	w, err := parseWish(c)
	if err != nil {
		return err
	}
	detached := c.Bool("detach")
	if detached && len(c.StringSlice("attach")) > 0 {
		return errors.New("conflicting options: cannot specify both --attach and --detach")
	}
	shellByDefault(c, w)
	setAttach(c, w, !detached)
	w.config.Detached = detached
	keys, err := detachKeys(c)
	if err != nil {
		return err
	}
	streams := streamsOf(c, &w.config)
	if !detached {
		if err := streams.check(); err != nil {
			return withCode(1, err)
		}
	}
	store, err := openStore(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	session, err := launch(ctx, c, store, early, w, streams.request(!detached))
	if err != nil {
		return withInterrupt(ctx, err)
	}
	// A signal that came while the container was starting was meant for it.
	if sig, ok := interruptOf(ctx); ok && detached {
		err := errors.Join(fmt.Errorf("interrupted by signal %d", int(sig)), remove(store, w.config.ID, true, true))
		return withInterrupt(ctx, err)
	} else if ok {
		_ = client.Do(store, w.config.ID, protocol.Request{Op: protocol.OpSignal, Signal: int(sig)})
	}
	if detached {
		fmt.Fprintln(c.App.Writer, w.config.ID)
		return nil
	}
	return exitWith(streams.follow(store, w.config.ID, session, keys, c.Bool("sig-proxy")))
}

// launch makes the container and starts it; either both happen or neither.
// The monitor boots while the container's configuration is being made.
func launch(ctx context.Context, c *cli.Context, store *runtime.Store, early *client.Prestart, w *wish, req protocol.Request) (*client.Session, error) {
	cr, err := begin(store, w)
	if err != nil {
		return nil, err
	}
	release, err := cr.hold()
	if err != nil {
		return nil, errors.Join(err, cr.abandon())
	}
	defer release()
	spawned := early.Spawn(cr.handle, storeFlags(store))
	if err := cr.fill(ctx, c); err != nil {
		spawned.Cancel()
		return nil, errors.Join(err, cr.abandon())
	}
	req.Config = &w.config
	session, warnings, err := spawned.Start(&w.config, req)
	if err != nil {
		return nil, withCode(codeOf(err), errors.Join(err, cr.abandon()))
	}
	for _, text := range warnings {
		warn(c.App.ErrWriter, "%s", text)
	}
	return session, nil
}

// codeOf is the exit code that Docker gives for an error of a start.
func codeOf(err error) int {
	var start *runtime.StartError
	if errors.As(err, &start) && start.Code != 0 {
		return start.Code
	}
	return 125
}

// shellByDefault makes "mvrun run busybox" in a terminal an interactive shell.
func shellByDefault(c *cli.Context, w *wish) {
	if c.Bool("detach") || c.IsSet("interactive") || c.IsSet("tty") || c.IsSet("attach") || len(w.cmd) > 0 || w.entrypoint != nil {
		return
	}
	if term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stdout.Fd()) {
		w.config.OpenStdin, w.config.TTY = true, true
	}
}

// setAttach notes which streams the first client has, as inspect shows them.
func setAttach(c *cli.Context, w *wish, attached bool) {
	w.config.StdinOnce = w.config.OpenStdin && attached
}

// exitWith turns a container's exit code into the command's.
func exitWith(code int, err error) error {
	if err != nil {
		return withCode(125, err)
	}
	if code != 0 {
		return &exitError{Code: code}
	}
	return nil
}
