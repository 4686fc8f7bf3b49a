package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
)

var execCommand = passProgram(&cli.Command{
	Name:      "exec",
	Usage:     "run a command in a running container",
	ArgsUsage: "CONTAINER COMMAND [ARG…]",
	Flags: []cli.Flag{
		&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "keep stdin open"},
		&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give the command a terminal"},
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "run it in the background"},
		&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "set an environment variable"},
		&cli.StringSliceFlag{Name: "env-file", Usage: "read environment variables from a file"},
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "name or number of the user, and :group"},
		&cli.StringFlag{Name: "workdir", Aliases: []string{"w"}, Usage: "working directory in the container"},
		&cli.BoolFlag{Name: "privileged", Usage: "give the command all capabilities"},
		detachKeysFlag(),
	},
	Action: execAction,
})

func execAction(c *cli.Context) error {
	if c.NArg() < 2 {
		return errUsage(c, "at least 2 arguments, a container and a command")
	}
	o, term, err := execOptions(c)
	if err != nil {
		return err
	}
	e, err := engineOf(c)
	if err != nil {
		return err
	}
	process, err := e.Containers.Exec(c.Context, c.Args().First(), o)
	var start *engine.StartError
	switch {
	case errors.As(err, &start) && start.Code != 125:
		return withCode(start.Code, err)
	case err != nil || o.Detach:
		return err
	}
	return term.during(process.Resize, process.Wait)
}

func execOptions(c *cli.Context) (o engine.ExecOptions, t terminal, err error) {
	t = terminal{stdin: c.Bool("interactive"), tty: c.Bool("tty")}
	o = engine.ExecOptions{
		Args: c.Args().Tail(), User: c.String("user"), WorkingDir: c.String("workdir"),
		TTY: t.tty, Privileged: c.Bool("privileged"), Detach: c.Bool("detach"),
	}
	if o.WorkingDir != "" && !filepath.IsAbs(o.WorkingDir) {
		return o, t, withCode(126, fmt.Errorf("the working directory %q is invalid, it needs to be an absolute path", o.WorkingDir))
	}
	if o.Env, err = environment(c.StringSlice("env"), c.StringSlice("env-file")); err != nil {
		return o, t, err
	}
	if t.keys, err = detachKeys(c); err != nil || o.Detach {
		return o, t, err
	}
	o.Streams, o.Size = t.streams(), t.size()
	return o, t, t.check()
}
