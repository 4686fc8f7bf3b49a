package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/moby/term"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image/registry"
)

var loginCommand = &cli.Command{
	Name:      "login",
	Usage:     "keep credentials for a registry where Docker keeps them",
	ArgsUsage: "[SERVER]",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "username", Aliases: []string{"u"}, Usage: "user name"},
		&cli.StringFlag{Name: "password", Aliases: []string{"p"}, Usage: "password or token; others can see it, --password-stdin is safer"},
		&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from stdin"},
		insecureFlag(),
	},
	Action: login,
}

func login(c *cli.Context) error {
	if c.NArg() > 1 {
		return errUsage(c, "at most 1 argument")
	}
	user, password, err := credentials(c)
	if err != nil {
		return err
	}
	regs, err := registries(c)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	if err := registry.Login(ctx, c.Args().First(), user, password, regs); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, "Login Succeeded")
	return nil
}

func credentials(c *cli.Context) (user, password string, err error) {
	user, password = c.String("username"), c.String("password")
	if c.Bool("password-stdin") {
		if c.IsSet("password") {
			return "", "", errors.New("--password and --password-stdin are mutually exclusive")
		}
		if user == "" {
			return "", "", errors.New("must provide --username with --password-stdin")
		}
		data, err := io.ReadAll(io.LimitReader(os.Stdin, 64<<10))
		return user, strings.TrimRight(string(data), "\r\n"), err
	}
	if c.IsSet("password") {
		warn(c.App.ErrWriter, "using --password via the CLI is insecure: use --password-stdin")
	}
	if user != "" && password != "" {
		return user, password, nil
	}
	if !term.IsTerminal(os.Stdin.Fd()) {
		return "", "", errors.New("cannot perform an interactive login from a non-terminal: use --username and --password-stdin")
	}
	return ask(c.App.ErrWriter, user, password)
}

// ask prompts for what is missing; the password is not shown.
func ask(w io.Writer, user, password string) (string, string, error) {
	in := bufio.NewReader(os.Stdin)
	if user == "" {
		fmt.Fprint(w, "Username: ")
		line, err := in.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		user = strings.TrimSpace(line)
	}
	if password == "" {
		state, err := term.SaveState(os.Stdin.Fd())
		if err != nil {
			return "", "", err
		}
		if err := term.DisableEcho(os.Stdin.Fd(), state); err != nil {
			return "", "", err
		}
		defer func() { _ = term.RestoreTerminal(os.Stdin.Fd(), state) }()
		fmt.Fprint(w, "Password: ")
		line, err := in.ReadString('\n')
		fmt.Fprintln(w)
		if err != nil {
			return "", "", err
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if user == "" || password == "" {
		return "", "", errors.New("user name and password are required")
	}
	return user, password, nil
}

var logoutCommand = &cli.Command{
	Name:      "logout",
	Usage:     "forget the credentials for a registry",
	ArgsUsage: "[SERVER]",
	Action: func(c *cli.Context) error {
		if c.NArg() > 1 {
			return errUsage(c, "at most 1 argument")
		}
		if err := registry.Logout(c.Args().First()); err != nil {
			return err
		}
		server := c.Args().First()
		if server == "" {
			server = "docker.io"
		}
		fmt.Fprintln(c.App.Writer, "Removing login credentials for", server)
		return nil
	},
}
