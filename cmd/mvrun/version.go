package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/runtime/kernel"
)

var versionCommand = &cli.Command{
	Name:  "version",
	Usage: "show the version",
	Flags: []cli.Flag{&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "Go template, or json"}},
	Action: func(c *cli.Context) error {
		if err := takesNone(c); err != nil {
			return err
		}
		v := versionOf()
		if f := c.String("format"); f != "" {
			return printValue(c.App.Writer, f, v)
		}
		fmt.Fprintf(c.App.Writer, "mvrun version %s\n libcontainer: %s\n Go:           %s\n OS/Arch:      %s/%s\n Kernel:       %s\n",
			v.Client.Version, v.Client.Libcontainer, v.Client.GoVersion, v.Client.Os, v.Client.Arch, v.Client.KernelVersion)
		return nil
	},
}

// versionView has Docker's two halves; without a daemon they are the same.
type versionView struct {
	Client, Server versionDetails
}

type versionDetails struct {
	Version       string
	Libcontainer  string
	GoVersion     string
	Os            string
	Arch          string
	KernelVersion string
}

func versionOf() versionView {
	d := versionDetails{
		Version: version, GoVersion: runtime.Version(), Os: runtime.GOOS, Arch: runtime.GOARCH,
		KernelVersion: kernel.KernelRelease(), Libcontainer: moduleVersion("github.com/opencontainers/runc"),
	}
	return versionView{d, d}
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "unknown"
}
