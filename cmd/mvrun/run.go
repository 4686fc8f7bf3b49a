package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/moby/term"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
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
	w, term, err := parseRun(c)
	if err != nil {
		return err
	}
	create, finish, err := w.options(c)
	if err != nil {
		return err
	}
	file, err := newIDFile(c.String("cidfile"))
	if err != nil {
		return err
	}
	defer file.drop()
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	o := engine.RunOptions{CreateOptions: create, Size: term.size()}
	if !w.config.Detached {
		o.Attach = term.attach()
	}
	ctx, stop := interruptible(c)
	defer stop()
	session, said, err := e.Containers.Run(ctx, o)
	finish()
	warnings(c, said)
	if err != nil {
		return withInterrupt(ctx, withCode(codeOf(err), err))
	}
	if err := errors.Join(file.write(session.ID), passInterrupt(ctx, e, session, w.config.Detached)); err != nil {
		return err
	}
	if w.config.Detached {
		fmt.Fprintln(c.App.Writer, session.ID)
		return nil
	}
	return term.follow(session)
}

// parseRun reads the words of run that create does not have.
func parseRun(c *cli.Context) (*wish, terminal, error) {
	w, err := parseWish(c)
	if err != nil {
		return nil, terminal{}, err
	}
	detached := c.Bool("detach")
	if detached && len(c.StringSlice("attach")) > 0 {
		return nil, terminal{}, errors.New("conflicting options: cannot specify both --attach and --detach")
	}
	shellByDefault(c, w)
	conf := &w.config
	conf.StdinOnce, conf.Detached = conf.OpenStdin && !detached, detached
	t, err := terminalOf(c)
	if err != nil {
		return nil, t, err
	}
	if t.of(conf.OpenStdin, conf.TTY); !detached {
		err = withCode(1, t.check())
	}
	return w, t, err
}

// passInterrupt: a signal that came while the container was starting was meant
// for it. One that nobody attends is removed again.
func passInterrupt(ctx context.Context, e *engine.Engine, session *engine.Session, detached bool) error {
	sig, ok := interruptOf(ctx)
	switch {
	case ok && detached:
		all := engine.RemoveOptions{Force: true, Volumes: true}
		err := e.Containers.Remove(context.WithoutCancel(ctx), session.ID, all)
		return withInterrupt(ctx, errors.Join(fmt.Errorf("interrupted by signal %d", int(sig)), err))
	case ok:
		_ = session.Signal(sig)
	}
	return nil
}

// codeOf is the exit code that Docker gives for an error of a start.
func codeOf(err error) int {
	var start *engine.StartError
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
