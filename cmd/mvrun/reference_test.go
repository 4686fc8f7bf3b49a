package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "write docs/commands.md anew")

// docs/commands.md is what the commands say of themselves.
func TestReferenceIsUpToDate(t *testing.T) {
	const path = "../../docs/commands.md"
	want := reference(newApp())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if diff := cmp.Diff(string(have), want); err != nil || diff != "" {
		t.Errorf("docs/commands.md is out of date: run `make reference` (-have +want): %v\n%s", err, diff)
	}
}

// Every command and every option says what it is for.
func TestEveryOptionIsDescribed(t *testing.T) {
	eachCommand(newApp().Commands, "mvrun", func(path string, cmd *cli.Command) {
		if cmd.Usage == "" && !cmd.Hidden {
			t.Errorf("%s has no usage", path)
		}
		for _, f := range cmd.Flags {
			if d, ok := f.(cli.DocGenerationFlag); !ok || d.GetUsage() == "" && !cmd.Hidden {
				t.Errorf("%s: %v has no usage", path, f.Names())
			}
		}
	})
}

func reference(app *cli.App) string {
	var b strings.Builder
	b.WriteString(`# Commands

Written by ` + "`make reference`" + ` from the commands themselves; what ` + "`mvrun COMMAND --help`" + `
prints. Options may stand before or behind the arguments, one-letter options
together (` + "`-it`" + `); an option marked with … may be repeated. Grammar, columns,
template fields and exit codes are Docker's: [docker.md](docker.md) lists where mvrun differs.

## Options of every command

They stand before the command: ` + "`mvrun --root /srv/mvrun ps`" + `.

`)
	options(&b, app.Flags)
	eachCommand(app.Commands, "mvrun", func(path string, cmd *cli.Command) {
		if cmd.Hidden {
			return
		}
		fmt.Fprintf(&b, "\n## %s\n\n", path)
		if same := topLevel(app.Commands, cmd); same != nil {
			fmt.Fprintf(&b, "The same as [mvrun %s](#mvrun-%s).\n", same.Name, same.Name)
			return
		}
		fmt.Fprintf(&b, "%s.\n", strings.ToUpper(cmd.Usage[:1])+cmd.Usage[1:])
		if len(cmd.Aliases) > 0 {
			fmt.Fprintf(&b, "Also `%s`.\n", strings.Join(cmd.Aliases, "`, `"))
		}
		if len(cmd.Subcommands) > 0 {
			return
		}
		line := path
		if len(cmd.Flags) > 0 {
			line += " [OPTIONS]"
		}
		if cmd.ArgsUsage != "" {
			line += " " + cmd.ArgsUsage
		}
		fmt.Fprintf(&b, "\n    %s\n", line)
		if len(cmd.Flags) > 0 {
			b.WriteString("\n")
			options(&b, cmd.Flags)
		}
	})
	return b.String()
}

// eachCommand visits the commands and those below them, in order of their names.
func eachCommand(commands []*cli.Command, path string, visit func(path string, cmd *cli.Command)) {
	sorted := slices.SortedFunc(slices.Values(commands), func(a, b *cli.Command) int { return strings.Compare(a.Name, b.Name) })
	for _, cmd := range sorted {
		visit(path+" "+cmd.Name, cmd)
		eachCommand(cmd.Subcommands, path+" "+cmd.Name, visit)
	}
}

// topLevel is the command that cmd is by another name, or nil.
func topLevel(commands []*cli.Command, cmd *cli.Command) *cli.Command {
	for _, c := range commands {
		if c != cmd && c.Usage == cmd.Usage && len(c.Flags) == len(cmd.Flags) && (len(c.Flags) == 0 || &c.Flags[0] == &cmd.Flags[0]) {
			return c
		}
	}
	return nil
}

func options(b *strings.Builder, flags []cli.Flag) {
	b.WriteString("| option | meaning |\n| --- | --- |\n")
	sorted := slices.SortedFunc(slices.Values(flags), func(a, b cli.Flag) int { return strings.Compare(a.Names()[0], b.Names()[0]) })
	for _, f := range sorted {
		d := f.(cli.DocGenerationFlag)
		var names []string
		for _, name := range f.Names() {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			names = append(names, "`"+dashes+name+"`")
		}
		name := strings.Join(names, ", ")
		if list, ok := f.(cli.DocGenerationSliceFlag); ok && list.IsSliceFlag() {
			name += " …"
		}
		meaning := d.GetUsage()
		v := d.GetValue()
		if on, ok := f.(*cli.BoolFlag); ok && on.Value {
			v = "true"
		}
		if v != "" && v != `""` && v != "0" {
			meaning += " (default: `" + strings.Trim(v, `"`) + "`)"
		}
		if env := d.GetEnvVars(); len(env) > 0 {
			meaning += " [`" + strings.Join(env, "`, `") + "`]"
		}
		fmt.Fprintf(b, "| %s | %s |\n", name, strings.ReplaceAll(meaning, "|", `\|`))
	}
}
