package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/moby/term"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
)

var importCommand = &cli.Command{
	Name:      "import",
	Usage:     "make an image of a root file system's tarball",
	ArgsUsage: "FILE|URL|- [REPOSITORY[:TAG]]",
	Flags: []cli.Flag{
		&cli.StringSliceFlag{Name: "change", Aliases: []string{"c"}, Usage: "Dockerfile instruction to apply, such as 'CMD [\"sh\"]'"},
		&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "say what it is"},
		&cli.StringFlag{Name: "platform", Usage: "what it runs on, os/arch[/variant]"},
		unpackLimitFlag(),
	},
	Action: func(c *cli.Context) error {
		if c.NArg() < 1 || c.NArg() > 2 {
			return errUsage(c, "1 or 2 arguments, a tarball and a name")
		}
		name, err := optionalName(c.Args().Get(1))
		if err != nil {
			return err
		}
		opt := archive.ImportOptions{
			Name: name, Message: c.String("message"),
			Source: c.Args().First(), Changes: c.StringSlice("change"),
		}
		if p := c.String("platform"); p != "" {
			if opt.Platform, err = image.ParsePlatform(p); err != nil {
				return err
			}
		}
		limit, err := unpackLimit(c)
		if err != nil {
			return err
		}
		e, err := engineOf(c)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(c)
		defer stop()
		r, err := openTarball(ctx, c.Args().First())
		if err != nil {
			return err
		}
		defer r.Close()
		spareMemory()
		img, err := e.Images.Import(ctx, r, opt, limit)
		if err != nil {
			return err
		}
		fmt.Fprintln(c.App.Writer, img.ID)
		return nil
	},
}

func openTarball(ctx context.Context, from string) (io.ReadCloser, error) {
	switch {
	case from == "-":
		if term.IsTerminal(os.Stdin.Fd()) {
			return nil, errors.New("import from stdin, but stdin is a terminal: use a pipe")
		}
		return archiveStdin(ctx), nil
	case strings.HasPrefix(from, "http://"), strings.HasPrefix(from, "https://"):
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, fmt.Errorf("import image: %w", err)
		}
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			return nil, fmt.Errorf("import image: %s answers %s", from, resp.Status)
		}
		return resp.Body, nil
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	return f, nil
}
