package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// normalize rewrites a command line of Docker's grammar (options before or
// after the arguments, -itd, -w/tmp, -n5) into the one that the standard flag
// package reads: options first, one by one. Commands that run a program
// (passThrough) stop at their first argument: what follows is the program's.
func normalize(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	out := args[:1:1]
	rest := args[1:]
	flags, commands := app.Flags, app.Commands
	for {
		opts, positional := splitOptions(flags, rest, false)
		out = append(out, opts...)
		if len(positional) == 0 || positional[0] == "--" {
			return append(out, positional...)
		}
		cmd := find(commands, positional[0])
		if cmd == nil {
			return append(out, positional...)
		}
		out = append(out, positional[0])
		flags, commands, rest = cmd.Flags, cmd.Subcommands, positional[1:]
		if len(commands) > 0 {
			continue
		}
		opts, positional = splitOptions(flags, rest, !passThrough[cmd])
		out = append(out, opts...)
		if len(positional) > 0 && positional[0] != "--" {
			out = append(out, "--") // nothing behind is an option
		}
		return append(out, positional...)
	}
}

// passThrough marks the commands whose arguments end in a program's own.
var passThrough = map[*cli.Command]bool{}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// splitOptions parts args into options, each in the form --name, --name=value
// or -n, and arguments. Unless interspersed, the first argument ends the
// options. An unknown option is passed on as it is: the flag package words the
// error.
func splitOptions(flags []cli.Flag, args []string, interspersed bool) (opts, positional []string) {
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			if len(positional) > 0 {
				return opts, append(positional, args[1:]...)
			}
			return opts, args
		case len(arg) < 2 || arg[0] != '-':
			if !interspersed {
				return opts, args
			}
			positional = append(positional, arg)
			args = args[1:]
		case strings.HasPrefix(arg, "--"):
			n := 1
			if name := arg[2:]; !strings.Contains(name, "=") && takesValue(flags, name) && len(args) > 1 {
				arg, n = arg+"="+args[1], 2
			}
			opts, args = append(opts, arg), args[n:]
		default:
			var used int
			var more []string
			more, used = splitShort(flags, args)
			opts, args = append(opts, more...), args[used:]
		}
	}
	return opts, positional
}

// splitShort reads a group of one-letter options such as -itd, -itu root or
// -w/tmp, and returns them one by one with the number of arguments used.
func splitShort(flags []cli.Flag, args []string) (opts []string, used int) {
	group := args[0][1:]
	for i, r := range group {
		name, rest := string(r), group[i+len(string(r)):]
		if !takesValue(flags, name) {
			if strings.HasPrefix(rest, "=") { // -i=false
				return append(opts, "-"+name+rest), 1
			}
			opts = append(opts, "-"+name)
			continue
		}
		switch {
		case rest != "":
			return append(opts, "-"+name+"="+strings.TrimPrefix(rest, "=")), 1
		case len(args) > 1:
			return append(opts, "-"+name+"="+args[1]), 2
		}
		return append(opts, "-"+name), 1
	}
	return opts, 1
}

// takesValue tells whether the option of that name is one with a value.
func takesValue(flags []cli.Flag, name string) bool {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n != name {
				continue
			}
			df, ok := f.(cli.DocGenerationFlag)
			return ok && df.TakesValue()
		}
	}
	return false
}
