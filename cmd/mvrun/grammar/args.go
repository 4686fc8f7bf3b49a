// Package grammar brings Docker's grammar of a command line, and its words for
// mistakes, to the library that parses the flags. Whatever that library does
// otherwise than Docker is mended here and nowhere else.
package grammar

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Normalize rewrites a command line of Docker's grammar (options before or
// after the arguments, -itd, -w/tmp, -n5) into the one that the standard flag
// package reads: options first, one by one. Commands that run a program
// (passThrough) stop at their first argument: what follows is the program's.
func Normalize(app *cli.App, args []string) []string {
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

// Program marks a command whose arguments end in a program's own.
func Program(cmd *cli.Command) *cli.Command {
	passThrough[cmd] = true
	return cmd
}

// Renamed is the command under the name that it has as another's subcommand.
func Renamed(c *cli.Command, name string, aliases ...string) *cli.Command {
	d := *c
	d.Name, d.Aliases = name, aliases
	passThrough[&d] = passThrough[c]
	return &d
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// splitOptions parts args into options, each in the form --name or
// --name=value, and arguments. Unless interspersed, the first argument ends
// the options. An option goes by its first name, since the flag package does
// not take -e and --env on one line. An unknown option is passed on as it is:
// the flag package words the error.
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
			name, value, hasValue := strings.Cut(arg[2:], "=")
			arg = option(flags, name)
			switch {
			case hasValue:
				arg += "=" + value
			case takesValue(flags, name) && len(args) > 1:
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
				return append(opts, option(flags, name)+rest), 1
			}
			opts = append(opts, option(flags, name))
			continue
		}
		switch {
		case rest != "":
			return append(opts, option(flags, name)+"="+strings.TrimPrefix(rest, "=")), 1
		case len(args) > 1:
			return append(opts, option(flags, name)+"="+args[1]), 2
		}
		return append(opts, option(flags, name)), 1
	}
	return opts, 1
}

// takesValue reports whether the option of that name is one with a value.
func takesValue(flags []cli.Flag, name string) bool {
	f, ok := lookUp(flags, name).(cli.DocGenerationFlag)
	return ok && f.TakesValue()
}

// option is the flag by its first name, with its dashes.
func option(flags []cli.Flag, name string) string {
	if f := lookUp(flags, name); f != nil {
		name = f.Names()[0]
	}
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func lookUp(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}
