package main

import (
	"fmt"
	"io"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/internal/door/output"
)

func insecureFlag() cli.Flag {
	return &cli.BoolFlag{Name: "insecure", Usage: "allow plain HTTP and unknown certificates"}
}

func unpackLimitFlag() cli.Flag {
	return &cli.StringFlag{Name: "max-unpacked-size", Usage: "refuse a layer that unpacks to more, such as 20g (default: no limit)"}
}

// pullOptions are what the flags say of a pull. finish ends the progress on w.
func pullOptions(c *cli.Context, w io.Writer, quiet bool) (opt engine.PullOptions, finish func(), err error) {
	finish = func() {}
	if opt.Registries, err = registries(c); err != nil {
		return opt, finish, err
	}
	if p := c.String("platform"); p != "" {
		if opt.Platform, err = image.ParsePlatform(p); err != nil {
			return opt, finish, err
		}
	}
	if opt.MaxUnpacked, err = unpackLimit(c); err != nil {
		return opt, finish, err
	}
	switch terminal := output.Terminal(w); {
	case quiet:
	case terminal != nil:
		bars := newBars(terminal)
		opt.Progress, finish = bars, bars.wait
	default:
		opt.Progress = &plainProgress{w: w, start: "Pulling fs layer"}
	}
	return opt, finish, nil
}

// unpackLimit is --max-unpacked-size in bytes, 0 for none.
func unpackLimit(c *cli.Context) (int64, error) {
	s := c.String("max-unpacked-size")
	if s == "" {
		return 0, nil
	}
	n, err := units.RAMInBytes(s)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("--max-unpacked-size %s: use a size such as 20g", s)
	}
	return n, nil
}
