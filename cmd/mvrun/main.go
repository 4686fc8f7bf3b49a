// Command mvrun runs containers on VLANs without a daemon.
package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/cmd/mvrun/grammar"
	"github.com/mvrun/mvrun/config"
	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/internal/door/output"
)

// version is set by the build (-X main.version=…).
var version = "dev"

func main() {
	engine.Reexec() // does not return where we are a container's first process, or its monitor
	os.Exit(run(os.Args))
}

func run(args []string) int {
	app := newApp()
	stdout := output.NewWriter(os.Stdout)
	app.Writer, app.ErrWriter = stdout, output.NewWriter(os.Stderr)
	err := app.Run(grammar.Normalize(app, args))
	if err == nil { // a command that prints has failed when it could not
		err = stdout.Err()
	}
	return report(app.ErrWriter, err)
}

func newApp() *cli.App {
	// Docker's -h is the host name; help is --help alone.
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Usage: "show help", DisableDefaultText: true}
	all := commands()
	grammar.Prepare(all, "mvrun")
	return &cli.App{
		Name:                      "mvrun",
		Usage:                     "containers on the VLANs of your LAN, without a daemon",
		HideVersion:               true,
		UseShortOptionHandling:    true,
		DisableSliceFlagSeparator: true, // -e A=1,2 is one variable
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "show the version"},
			&cli.StringFlag{Name: "config", EnvVars: []string{"MVRUN_CONFIG"}, Usage: "configuration file (default: " + config.DefaultPath + ", if there is one)"},
			&cli.StringFlag{Name: "root", Value: "/var/lib/mvrun", EnvVars: []string{"MVRUN_ROOT"}, Usage: "directory of images, containers and networks"},
			&cli.StringFlag{Name: "state", Value: "/run/mvrun", EnvVars: []string{"MVRUN_STATE"}, Usage: "directory of what is gone after a reboot"},
			&cli.StringFlag{Name: "cgroup-parent", Value: "/mvrun", EnvVars: []string{"MVRUN_CGROUP_PARENT"}, Usage: "cgroup that the containers' are made in (cgroupfs driver)"},
			&cli.StringFlag{Name: "cgroup-driver", Value: "auto", EnvVars: []string{"MVRUN_CGROUP_DRIVER"}, Usage: "auto, cgroupfs or systemd"},
		},
		Commands:       all,
		Action:         rootAction,
		OnUsageError:   grammar.UsageError("mvrun"),
		ExitErrHandler: func(*cli.Context, error) {}, // report alone decides
	}
}

func rootAction(c *cli.Context) error {
	if c.Bool("version") {
		_, err := fmt.Fprintf(c.App.Writer, "mvrun version %s\n", version)
		return err
	}
	return grammar.GroupAction("mvrun")(c)
}
