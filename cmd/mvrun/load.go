package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/moby/term"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/engine"
	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
)

var loadCommand = &cli.Command{
	Name:  "load",
	Usage: "bring images from an archive, or an OCI image layout, into the store",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "input", Aliases: []string{"i"}, Usage: "file or directory to read instead of stdin"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "accepted; there is no progress to hide"},
		&cli.StringFlag{Name: "platform", Usage: "os/arch[/variant] of the images to load, of those that are there"},
		unpackLimitFlag(),
	},
	Action: func(c *cli.Context) error {
		if c.NArg() != 0 {
			return errUsage(c, "no arguments; the archive is stdin or --input")
		}
		opt, err := loadOptions(c)
		if err != nil {
			return err
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		spareMemory()
		loaded, err := loadFrom(c, e, opt)
		for _, img := range loaded {
			printLoaded(c, img)
		}
		return err
	},
}

func loadOptions(c *cli.Context) (opt engine.LoadOptions, err error) {
	if opt.MaxUnpacked, err = unpackLimit(c); err != nil {
		return opt, err
	}
	if p := c.String("platform"); p != "" {
		if opt.Platform, err = image.ParsePlatform(p); err != nil {
			return opt, err
		}
	}
	opt.Skipped = func(why error) { warn(c.App.ErrWriter, "skipped %v", why) }
	return opt, nil
}

func loadFrom(c *cli.Context, e *engine.Engine, opt engine.LoadOptions) ([]archive.Loaded, error) {
	ctx, stop := interruptible(c)
	defer stop()
	path := c.String("input")
	if path == "" {
		if term.IsTerminal(os.Stdin.Fd()) {
			return nil, errors.New("requested load from stdin, but stdin is a terminal: use --input or a pipe")
		}
		in := archiveStdin(ctx)
		defer in.Close()
		return e.Images.Load(ctx, in, opt)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if fi.IsDir() {
		return e.Images.LoadDir(ctx, path, opt)
	}
	return e.Images.Load(ctx, f, opt)
}

func printLoaded(c *cli.Context, img archive.Loaded) {
	if !img.Name.IsName() {
		fmt.Fprintln(c.App.Writer, "Loaded image ID:", img.ID)
		return
	}
	fmt.Fprintln(c.App.Writer, "Loaded image:", img.Name.Familiar())
}

// openOutput is a file to be, written beside its place and renamed when it is
// whole, or stdout, which may not be a terminal.
func openOutput(path string) (w io.Writer, commit func() error, abandon func(), err error) {
	if path == "" || path == "-" {
		if term.IsTerminal(os.Stdout.Fd()) {
			return nil, nil, nil, errors.New("cowardly refusing to save to a terminal: use --output or a pipe")
		}
		return os.Stdout, func() error { return nil }, func() {}, nil
	}
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // a device or a named pipe
		if err != nil {
			return nil, nil, nil, err
		}
		return f, f.Close, func() { f.Close() }, nil
	}
	f, err := os.CreateTemp(dirOf(path), ".mvrun-save-*")
	if err != nil {
		return nil, nil, nil, fmt.Errorf("write %s: %w", path, err)
	}
	commit = func() error {
		if err := f.Chmod(0o600); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		return os.Rename(f.Name(), path)
	}
	return f, commit, func() { f.Close(); os.Remove(f.Name()) }, nil
}
