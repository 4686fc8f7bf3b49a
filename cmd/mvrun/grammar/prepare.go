package grammar

import (
	"flag"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/output"
)

// Prepare mends the traps of the library in the commands, once all are there.
func Prepare(commands []*cli.Command, path string) {
	plainUsage(commands, path)
	spendFlags(commands)
	keepValues(commands)
}

// keepValues makes the repeatable flags of the commands lists that keep every
// byte of their values.
func keepValues(commands []*cli.Command) {
	for _, cmd := range commands {
		for i, f := range cmd.Flags {
			if list, ok := f.(*cli.StringSliceFlag); ok {
				cmd.Flags[i] = exactList{list}
			}
		}
		keepValues(cmd.Subcommands)
	}
}

// exactList is a repeatable flag whose values arrive as they were typed. The
// library trims the blanks around each, which belong to it in PS1='ho# ', and,
// for a flag of two names, takes what came under one over to the other through
// JSON, which replaces bytes that are no UTF-8. So the flag has one name there:
// Normalize has written it for all the others.
type exactList struct{ *cli.StringSliceFlag }

func (f exactList) Apply(set *flag.FlagSet) error {
	one := *f.StringSliceFlag
	one.Aliases, one.KeepSpace = nil, true
	return one.Apply(set)
}

// offer tells those who report errors which flags the command has.
func offer(c *cli.Context) {
	w, ok := c.App.ErrWriter.(*output.Writer)
	if !ok {
		return
	}
	var names []string
	for _, f := range c.Command.Flags {
		names = append(names, f.Names()...)
	}
	for _, f := range c.App.Flags {
		names = append(names, f.Names()...)
	}
	w.Offer(names)
}

// spendFlags has commands let go of their flags once these are parsed. The
// library asks each of them, by each of its names, whether it is set, looks that
// name up among all the others, and takes every name apart with a regular
// expression (runFlagActions, Context.lookupFlag): 1.5 ms of a run, for actions
// of flags and flags from the environment, of which no command here has any. What
// is set is in the flag set.
func spendFlags(commands []*cli.Command) {
	for _, cmd := range commands {
		cmd.Before = func(c *cli.Context) error {
			if len(c.Command.Subcommands) == 0 { // else there may be a help to show yet
				offer(c)
				c.Command.Flags = nil
			}
			return nil
		}
		spendFlags(cmd.Subcommands)
	}
}
