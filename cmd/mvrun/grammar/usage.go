package grammar

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/output"
)

// Requires is the error of a command that misses its arguments.
func Requires(c *cli.Context, needs string) error {
	return output.WithCode(1, fmt.Errorf("%q requires %s: see '%s --help'", c.Command.HelpName, needs, c.Command.HelpName))
}

// TakesNone refuses arguments of a command that has none.
func TakesNone(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}
	return output.WithCode(1, fmt.Errorf("%q accepts no arguments: see '%s --help'", c.Command.HelpName, c.Command.HelpName))
}

// plainUsage gives every command below, and the groups of commands, one-line
// errors for what they don't know.
func plainUsage(commands []*cli.Command, path string) {
	for _, cmd := range commands {
		name := path + " " + cmd.Name
		cmd.OnUsageError = UsageError(name)
		if strings.Contains(path, " ") {
			cmd.HelpName = name // else the library's own, which has no group in it
		}
		if len(cmd.Subcommands) > 0 {
			if cmd.Action == nil {
				cmd.Action = GroupAction(name)
			}
			plainUsage(cmd.Subcommands, name)
		} else {
			cmd.HideHelpCommand = true // "mvrun stop help" and "mvrun stop h" stop containers
		}
	}
}

// GroupAction is what a group does without one of its commands.
func GroupAction(name string) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.NArg() > 0 {
			return fmt.Errorf("'%s' is not a command of %s: see '%s --help'", c.Args().First(), name, name)
		}
		if name == "mvrun" {
			return cli.ShowAppHelp(c)
		}
		return cli.ShowSubcommandHelp(c)
	}
}

var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	needsValue  = regexp.MustCompile(`^flag needs an argument: -(.*)$`)
	badValue    = regexp.MustCompile(`(?s)^(invalid (?:boolean )?value ".*" for )(?:flag )?-(.*): (?:parse error|value out of range)$`)
)

// UsageError words a mistake in the options as Docker does, exit code 125.
func UsageError(name string) cli.OnUsageErrorFunc {
	return func(_ *cli.Context, err error, _ bool) error {
		text := err.Error()
		if m := unknownFlag.FindStringSubmatch(text); m != nil {
			text = "unknown flag: " + dashes(m[1])
		} else if m := needsValue.FindStringSubmatch(text); m != nil {
			text = "flag needs an argument: " + dashes(m[1])
		} else if m := badValue.FindStringSubmatch(text); m != nil {
			text = m[1] + dashes(m[2])
		}
		return &output.Exit{Code: 125, Err: fmt.Errorf("%s: see '%s --help'", text, name)}
	}
}

func dashes(flag string) string {
	if len([]rune(strings.SplitN(flag, "=", 2)[0])) == 1 {
		return "-" + flag
	}
	return "--" + flag
}
