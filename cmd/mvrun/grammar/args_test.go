package grammar

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func TestNormalize(t *testing.T) {
	run := &cli.Command{Name: "run", Flags: []cli.Flag{
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}},
		&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}},
		&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}},
		&cli.StringFlag{Name: "name"},
		&cli.StringFlag{Name: "workdir", Aliases: []string{"w"}},
		&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}},
	}}
	rm := &cli.Command{Name: "rm", Flags: []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"}}}}
	network := &cli.Command{Name: "network", Subcommands: []*cli.Command{{Name: "create", Flags: []cli.Flag{
		&cli.StringSliceFlag{Name: "opt", Aliases: []string{"o"}},
	}}}}
	app := &cli.App{Flags: []cli.Flag{&cli.StringFlag{Name: "root"}}, Commands: []*cli.Command{run, rm, network}}
	passThrough[run] = true
	t.Cleanup(func() { delete(passThrough, run) })

	for _, c := range []struct{ in, want string }{
		{"mvrun", "mvrun"},
		{"mvrun --root /x rm a", "mvrun --root=/x rm -- a"},
		{"mvrun run -itd --name b busybox", "mvrun run --interactive --tty --detach --name=b -- busybox"},
		{"mvrun run -itw /tmp busybox sh -c -d", "mvrun run --interactive --tty --workdir=/tmp -- busybox sh -c -d"},
		{"mvrun run -w/tmp -eA=1,2 busybox -- x", "mvrun run --workdir=/tmp --env=A=1,2 -- busybox -- x"},
		{"mvrun run -e A=-d busybox", "mvrun run --env=A=-d -- busybox"},
		{"mvrun run -e A=1 --env B=2 --env=C= busybox", "mvrun run --env=A=1 --env=B=2 --env=C= -- busybox"},
		{"mvrun run -i=false busybox", "mvrun run --interactive=false -- busybox"},
		{"mvrun run --name= busybox", "mvrun run --name= -- busybox"},
		{"mvrun run --name", "mvrun run --name"},
		{"mvrun run -- busybox -t", "mvrun run -- busybox -t"},
		{"mvrun rm a b -f", "mvrun rm --force -- a b"},
		{"mvrun rm a -- -f", "mvrun rm -- a -f"},
		{"mvrun rm -x a", "mvrun rm -x -- a"},
		{"mvrun network create -o parent=x net -o mode=y", "mvrun network create --opt=parent=x --opt=mode=y -- net"},
		{"mvrun nosuch -f", "mvrun nosuch -f"},
		{"mvrun rm -", "mvrun rm -- -"},
	} {
		got := Normalize(app, strings.Fields(c.in))
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.in, diff)
		}
	}
}
