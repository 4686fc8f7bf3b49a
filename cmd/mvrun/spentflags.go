package main

import "github.com/urfave/cli/v2"

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
				c.Command.Flags = nil
			}
			return nil
		}
		spendFlags(cmd.Subcommands)
	}
}
