package main

import (
	"context"
	"fmt"
	"io"

	"github.com/docker/go-units"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/internal/door/output"
	"github.com/mvrun/mvrun/rootfs"
)

func insecureFlag() cli.Flag {
	return &cli.BoolFlag{Name: "insecure", Usage: "allow plain HTTP and unknown certificates"}
}

func unpackLimitFlag() cli.Flag {
	return &cli.StringFlag{Name: "max-unpacked-size", Usage: "refuse a layer that unpacks to more, such as 20g (default: no limit)"}
}

// pullOptions are the command's wishes for a pull. Layers are unpacked beside
// their download. finish ends the progress on w.
func pullOptions(c *cli.Context, root string, w io.Writer, quiet bool) (opt image.PullOptions, finish func(), err error) {
	finish = func() {}
	if opt.Registries, err = registries(c); err != nil {
		return opt, finish, err
	}
	if p := c.String("platform"); p != "" {
		if opt.Platform, err = image.ParsePlatform(p); err != nil {
			return opt, finish, err
		}
	}
	layers, err := openLayers(c, root)
	if err != nil {
		return opt, finish, err
	}
	opt.Unpack = func(ctx context.Context, ls []v1.Layer) error {
		forgetStart()
		_, err := layers.Unpack(ctx, ls)
		return err
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

// openLayers opens the unpacked layers with the limit that was asked for.
func openLayers(c *cli.Context, root string) (*rootfs.Store, error) {
	layers := rootfs.Open(root)
	limit, err := unpackLimit(c)
	layers.LimitUnpacked(limit)
	return layers, err
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

// unpackFirst has the store unpack what it is brought, within the limit, before
// that is an image.
func unpackFirst(ctx context.Context, c *cli.Context, root string, images *image.Store) error {
	layers, err := openLayers(c, root)
	if err != nil {
		return err
	}
	limit, err := unpackLimit(c)
	images.LimitUnpacked(limit)
	images.UnpackWith(func(ls []v1.Layer) error {
		forgetStart()
		_, err := layers.Unpack(ctx, ls)
		return err
	})
	return err
}
