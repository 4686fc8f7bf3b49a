package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime"
	"github.com/mvrun/mvrun/runtime/monitor/client"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

var commitCommand = &cli.Command{
	Name:      "commit",
	Usage:     "make an image of a container and its changes",
	ArgsUsage: "CONTAINER [REPOSITORY[:TAG]]",
	Flags: []cli.Flag{
		&cli.StringFlag{Name: "author", Aliases: []string{"a"}, Usage: "who made it"},
		&cli.StringSliceFlag{Name: "change", Aliases: []string{"c"}, Usage: "Dockerfile instruction to apply, such as 'CMD [\"sh\"]'"},
		&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "say what it is"},
		&cli.BoolFlag{Name: "pause", Aliases: []string{"p"}, Value: true, Usage: "freeze the container meanwhile"},
	},
	Action: commitContainer,
}

func commitContainer(c *cli.Context) (err error) {
	if c.NArg() < 1 || c.NArg() > 2 {
		return errUsage(c, "1 or 2 arguments, a container and a name")
	}
	store, images, err := openImages(c)
	if err != nil {
		return err
	}
	cont, err := resolveContainer(store, c.Args().First())
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c)
	defer stop()
	if cont.State.Status == runtime.Running && c.Bool("pause") {
		if err := client.Do(store, cont.Config.ID, protocol.Request{Op: protocol.OpPause}); err != nil {
			return err
		}
		defer func() {
			if uerr := client.Do(store, cont.Config.ID, protocol.Request{Op: protocol.OpUnpause}); err == nil {
				err = uerr
			}
		}()
	}
	upper := filepath.Join(store.Dir(cont.Config.ID), "upper")
	img, err := images.Commit(ctx, image.CommitOptions{
		Base: cont.Config.ImageID, Config: imageConfig(&cont.Config), Name: c.Args().Get(1),
		Author: c.String("author"), Message: c.String("message"), Command: strings.Join(cont.Config.Args(), " "),
		Changes: c.StringSlice("change"),
		Diff:    func(ctx context.Context, w io.Writer) error { return rootfs.WriteDiff(ctx, w, upper) },
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, img.ID)
	return nil
}

func resolveContainer(store *runtime.Store, ref string) (*runtime.Container, error) {
	id, err := store.Resolve(ref)
	if err != nil {
		return nil, err
	}
	return store.Load(id)
}

// imageConfig is what a container's configuration says to the next one.
func imageConfig(conf *runtime.Config) v1.Config {
	c := v1.Config{
		Entrypoint: conf.Entrypoint, Cmd: conf.Cmd, Env: conf.Env, WorkingDir: conf.WorkingDir,
		User: conf.User, Labels: conf.Labels, StopSignal: conf.StopSignal,
	}
	for _, port := range conf.Exposed {
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[port] = struct{}{}
	}
	for _, m := range conf.Mounts {
		if m.Type == "volume" && m.Anonymous {
			if c.Volumes == nil {
				c.Volumes = map[string]struct{}{}
			}
			c.Volumes[m.Destination] = struct{}{}
		}
	}
	return c
}
