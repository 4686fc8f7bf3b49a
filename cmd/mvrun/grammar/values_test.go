package grammar

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/internal/door/output"
)

// values is what an action saw of its flags and arguments.
type values struct {
	text     string
	list     []string
	number   int
	number64 int64
	size     uint64
	on       bool
	args     []string
}

// parse runs a command line through all of Prepare and Normalize, as main does.
func parse(args ...string) (got values, err error) {
	cmd := &cli.Command{
		Name: "run",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "text", Aliases: []string{"t"}},
			&cli.StringSliceFlag{Name: "list", Aliases: []string{"l"}},
			&cli.IntFlag{Name: "number", Aliases: []string{"n"}},
			&cli.Int64Flag{Name: "number64"},
			&cli.Uint64Flag{Name: "size"},
			&cli.BoolFlag{Name: "on", Aliases: []string{"o"}},
		},
		Action: func(c *cli.Context) error {
			got = values{
				c.String("text"), c.StringSlice("list"), c.Int("number"), c.Int64("number64"),
				c.Uint64("size"), c.Bool("on"), c.Args().Slice(),
			}
			return nil
		},
	}
	all := []*cli.Command{cmd, {Name: "group", Subcommands: []*cli.Command{Renamed(cmd, "run")}}}
	Prepare(all, "mvrun")
	app := &cli.App{
		Name: "mvrun", Commands: all, Writer: &bytes.Buffer{}, ErrWriter: &bytes.Buffer{},
		UseShortOptionHandling: true, DisableSliceFlagSeparator: true, OnUsageError: UsageError("mvrun"),
		Action: GroupAction("mvrun"), ExitErrHandler: func(*cli.Context, error) {},
	}
	err = app.Run(Normalize(app, append([]string{"mvrun"}, args...)))
	return got, err
}

// Whatever is passed arrives byte for byte, in each form in which a flag can be
// written.
func TestValuesArriveAsTyped(t *testing.T) {
	for _, v := range []string{
		"", " ", "ho# ", " ho#", "\tx\t", "x\n", "\n", "a\nb\n", "a,b", "a=b", "=", "==", "a=", "-x", "--x", "--", "-", "a b",
		`"quoted"`, `'`, `\`, `\n`, "é", "\xff\xfe", "$HOME", "sl:::", "[]", `["a"]`, "\u00a0",
	} {
		for _, path := range [][]string{{"run"}, {"group", "run"}} {
			forms := [][]string{{"--text=" + v, "--list=" + v}, {"--text", v, "--list", v}, {"-t", v, "-l", v}, {"-t=" + v, "-l=" + v}}
			if v != "" && v[0] != '=' { // -t= is -t with nothing behind it
				forms = append(forms, []string{"-t" + v, "-l" + v}, []string{"-ot" + v, "-ol" + v})
			}
			for _, form := range forms {
				got, err := parse(append(path, form...)...)
				if err != nil || got.text != v || !cmp.Equal(got.list, []string{v}) {
					t.Errorf("%q: %q %q, %v", form, got.text, got.list, err)
				}
			}
		}
	}
}

func TestListsKeepTheirOrder(t *testing.T) {
	got, err := parse("run", "--list", "a ", "-l", " b", "x", "-l", "a ", "--list=", "y")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a ", " b", "a ", ""}, got.list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x", "y"}, got.args); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNumbersAndSwitches(t *testing.T) {
	got, err := parse("run", "-n", "-1", "--number64=-9000000000", "--size", "18446744073709551615", "--on=true", "-")
	if err != nil || got.number != -1 || got.number64 != -9000000000 || got.size != 18446744073709551615 || !got.on || len(got.args) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := parse("run", "-o=false"); err != nil || got.on {
		t.Errorf("%+v, %v", got, err)
	}
}

// Mistakes are worded as Docker words them, and end with 125.
func TestMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"run --nosuch":                "unknown flag: --nosuch",
		"run -x":                      "unknown flag: -x",
		"run --nosuch=1":              "unknown flag: --nosuch",
		"run --text":                  "flag needs an argument: --text",
		"run -n":                      "flag needs an argument: --number",
		"run -n x":                    `invalid value "x" for --number`,
		"run -n= x":                   `invalid value "" for --number`,
		"run --number64=1k":           `invalid value "1k" for --number64`,
		"run --size=-1":               `invalid value "-1" for --size`,
		"run --on=maybe":              `invalid boolean value "maybe" for --on`,
		"group run --nosuch":          "see 'mvrun group run --help'",
		"group nosuch":                "'nosuch' is not a command of mvrun group",
		"nosuch --text":               "'nosuch' is not a command of mvrun",
		"run -n 99999999999999999999": `invalid value "99999999999999999999" for --number: see`,
		"run --list":                  "flag needs an argument: --list",
		"run --text a --list":         "flag needs an argument: --list",
	} {
		_, err := parse(strings.Split(line, " ")...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
		var exit *output.Exit
		if !strings.Contains(line, "nosuch ") && !strings.HasSuffix(line, " nosuch") && (!errors.As(err, &exit) || exit.Code != 125) {
			t.Errorf("%s: %v has no code 125", line, err)
		}
	}
}

// Commands let go of their flags for speed; a second line of the same process is
// nobody's, but help needs them.
func TestHelpStillKnowsTheFlags(t *testing.T) {
	var out bytes.Buffer
	cmd := &cli.Command{Name: "run", Flags: []cli.Flag{&cli.StringFlag{Name: "text", Usage: "some text"}}}
	all := []*cli.Command{cmd}
	Prepare(all, "mvrun")
	app := &cli.App{Name: "mvrun", Commands: all, Writer: &out, ErrWriter: &out}
	if err := app.Run([]string{"mvrun", "run", "--help"}); err != nil || !strings.Contains(out.String(), "some text") {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, c := range []struct {
		err  error
		want string
	}{{fmt.Errorf("other"), "other: see 'x --help'"}} {
		if err := UsageError("x")(nil, c.err, false); err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
