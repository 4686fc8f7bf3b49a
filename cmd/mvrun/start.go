package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var startCommand = &cli.Command{
	Name:      "start",
	Usage:     "start stopped containers",
	ArgsUsage: "CONTAINER…",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "attach", Aliases: []string{"a"}, Usage: "attach to the output, and pass signals on"},
		&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "attach to stdin too"},
		detachKeysFlag(), sigProxyFlag(),
	},
	Action: func(c *cli.Context) error {
		if c.NArg() == 0 {
			return errUsage(c, "at least 1 argument, a container")
		}
		attached := c.Bool("attach") || c.Bool("interactive")
		if attached && c.NArg() > 1 {
			return errors.New("you cannot start and attach multiple containers at once")
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		if attached {
			return startAttached(c, e)
		}
		return each(c, func(ref string) error {
			_, said, err := e.Containers.Start(c.Context, ref, engine.StartOptions{})
			warnings(c, said)
			var running *engine.AlreadyRunning
			if errors.As(err, &running) {
				return nil
			}
			return err
		})
	},
}

// each does one thing for every argument: prints the argument when it is done,
// or says what went wrong and goes on with the next.
func each(c *cli.Context, do func(ref string) error) error {
	var first error
	for _, ref := range c.Args().Slice() {
		err := do(ref)
		if err == nil {
			fmt.Fprintln(c.App.Writer, ref)
			continue
		}
		if first != nil {
			report(c.App.ErrWriter, first)
		}
		first = err
	}
	return first
}

func startAttached(c *cli.Context, e *engine.Engine) error {
	term, err := terminalOf(c)
	if err != nil {
		return err
	}
	cont, err := e.Containers.Get(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	term.of(cont.Config.OpenStdin && c.Bool("interactive"), cont.Config.TTY)
	if err := term.check(); err != nil {
		return err
	}
	session, said, err := e.Containers.Start(c.Context, cont.Config.ID, engine.StartOptions{Attach: term.attach()})
	warnings(c, said)
	if err != nil {
		return withCode(codeOfStart(err), err)
	}
	return term.follow(session)
}

// codeOfStart is the exit code of a start that fails: Docker's is 1, unless
// the program could not be run.
func codeOfStart(err error) int {
	if code := codeOf(err); code != 125 {
		return code
	}
	return 1
}
