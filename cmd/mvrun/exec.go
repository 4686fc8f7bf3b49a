package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
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
	if dir := c.String("workdir"); dir != "" && !filepath.IsAbs(dir) {
		return withCode(126, fmt.Errorf("the working directory %q is invalid, it needs to be an absolute path", dir))
	}
	env, err := environment(c.StringSlice("env"), c.StringSlice("env-file"))
	if err != nil {
		return err
	}
	keys, err := detachKeys(c)
	if err != nil {
		return err
	}
	s := &streams{
		stdin: c.Bool("interactive"), stdout: true, stderr: true, tty: c.Bool("tty"),
		in: os.Stdin, out: os.Stdout, errOut: os.Stderr,
	}
	if !c.Bool("detach") {
		if err := s.check(); err != nil {
			return err
		}
	}
	go runtime.WarmCgroups()
	store, cont, err := openContainer(c, c.Args().First())
	if err != nil {
		return err
	}
	id := cont.Config.ID
	switch {
	case cont.State.Status == runtime.Paused:
		return fmt.Errorf("container %s is paused, unpause the container before exec", cont.Config.Name)
	case cont.State.Status == runtime.Restarting:
		return fmt.Errorf("container %s is restarting, wait until the container is running", cont.Config.Name)
	case !cont.State.Status.Live():
		return fmt.Errorf("container %s is not running: start it first", cont.Config.Name)
	}
	process, err := runtime.ExecProcess(cont, runtime.ExecOptions{
		Args: c.Args().Tail(), Env: env, User: c.String("user"), WorkingDir: c.String("workdir"),
		TTY: s.tty, Privileged: c.Bool("privileged"),
	})
	if err != nil {
		return withCode(126, err)
	}
	run := &client.Exec{Store: store, ID: id, Process: process, TTY: s.tty}
	if c.Bool("detach") {
		return execError(run.Detached())
	}
	return execAttached(run, s, keys)
}

func execAttached(run *client.Exec, s *streams, keys []byte) error {
	if s.stdin {
		run.Stdin = s.in
	}
	run.Stdout, run.Stderr, run.DetachKeys = s.out, s.errOut, keys
	if s.tty {
		run.Size = terminalSize()
	}
	if err := run.Start(); err != nil {
		return execError(err)
	}
	restore, err := s.raw()
	if err != nil {
		return err
	}
	defer restore()
	if s.tty {
		defer onResize(func() { run.Resize(terminalSize()) })()
	}
	code, err := run.Wait()
	restore()
	if errors.Is(err, client.ErrDetached) {
		fmt.Fprintln(s.errOut, "read escape sequence")
		return nil
	}
	return exitWith(code, err)
}

// execError gives an exec that could not start Docker's exit code.
func execError(err error) error {
	var start *runtime.StartError
	if errors.As(err, &start) && start.Code != 125 {
		return withCode(start.Code, err)
	}
	return err
}
