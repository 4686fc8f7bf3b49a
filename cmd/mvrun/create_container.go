package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/urfave/cli/v2"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime"
)

// creation is a container on its way: reserved, and not committed before all
// of it is there.
type creation struct {
	store  *runtime.Store
	handle *runtime.Handle
	wish   *wish
	undo   []func()
	held   []func() // release what is held until the container is committed
}

// begin takes an ID. The name comes with the rest: a monitor can boot meanwhile.
func begin(store *runtime.Store, w *wish) (*creation, error) {
	h, err := store.Begin()
	if err != nil {
		return nil, err
	}
	w.config.ID, w.config.Created = h.ID, time.Now()
	return &creation{store: store, handle: h, wish: w}, nil
}

// fill finds the image, the addresses and whatever else the configuration
// needs.
func (cr *creation) fill(ctx context.Context, c *cli.Context) error {
	conf := &cr.wish.config
	var err error
	if conf.Name, err = cr.handle.ClaimName(conf.Name); err != nil {
		return err
	}
	img, err := ensureImage(ctx, c, cr.store.Root, cr.wish.image)
	if err != nil {
		return err
	}
	if err := cr.layers(ctx, c, img); err != nil {
		return err
	}
	if err := cr.volumesFrom(); err != nil {
		return err
	}
	if err := applyImage(cr.wish, img); err != nil {
		return err
	}
	if err := cr.volumes(); err != nil {
		return err
	}
	if conf.Hostname == "" {
		conf.Hostname = runtime.ShortID(conf.ID)
	}
	if err := cr.network(); err != nil {
		return err
	}
	return cr.cidfile(c.String("cidfile"))
}

// layers unpacks what the pull did not: an image that was here already, or the
// one that is built in.
func (cr *creation) layers(ctx context.Context, c *cli.Context, img *image.Image) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	unpacked, err := openLayers(c, cr.store.Root)
	if err != nil {
		return err
	}
	conf := &cr.wish.config
	if conf.Layers, err = unpacked.Unpack(ctx, layers); err != nil {
		return fmt.Errorf("unpack image %s: %w", cr.wish.image, err)
	}
	conf.Compat, err = rootfs.Machines(conf.Layers)
	return err
}

// applyImage adds what the image says to what the user said.
func applyImage(w *wish, img *image.Image) error {
	conf := &w.config
	conf.Image, conf.ImageID = w.image, img.ID.String()
	conf.Platform, conf.Architecture = img.Config.OS, img.Config.Architecture
	from := img.Config.Config
	conf.Env = runtime.InheritEnv(conf.Env, from.Env)
	if conf.User == "" {
		conf.User = from.User
	}
	if conf.WorkingDir == "" {
		conf.WorkingDir = from.WorkingDir
	}
	if conf.StopSignal == "" {
		conf.StopSignal = from.StopSignal
	}
	for k, v := range from.Labels {
		if _, set := conf.Labels[k]; !set {
			conf.Labels[k] = v
		}
	}
	for port := range from.ExposedPorts {
		conf.Exposed = append(conf.Exposed, port)
	}
	imageVolumes(conf, from)
	// An entrypoint of the user's makes the image's command senseless.
	switch {
	case w.entrypoint != nil && *w.entrypoint != "":
		conf.Entrypoint = []string{*w.entrypoint}
	case w.entrypoint == nil:
		conf.Entrypoint = from.Entrypoint
		if len(w.cmd) == 0 {
			conf.Cmd = from.Cmd
		}
	}
	if len(w.cmd) > 0 {
		conf.Cmd = w.cmd
	}
	if len(conf.Args()) == 0 {
		return fmt.Errorf("no command specified: image %s has none; give one behind its name", w.image)
	}
	return nil
}

// imageVolumes gives each volume of the image an anonymous one, unless
// something is mounted there.
func imageVolumes(conf *runtime.Config, from v1.Config) {
	taken := map[string]bool{}
	for _, m := range conf.Mounts {
		taken[m.Destination] = true
	}
	for path := range from.Volumes {
		if dst := filepath.Clean("/" + path); !taken[dst] && dst != "/" {
			conf.Mounts = append(conf.Mounts, runtime.Mount{Type: "volume", Destination: dst, Anonymous: true})
		}
	}
}

func (cr *creation) network() error {
	conf := &cr.wish.config
	if len(cr.wish.legs) == 0 {
		return nil
	}
	host, err := cr.store.HostID()
	if err != nil {
		return err
	}
	owner := network.Owner{ID: conf.ID, Name: conf.Name, HostID: host}
	eps, undo, err := cr.store.Networks.Plan(owner, cr.wish.legs)
	if err != nil {
		return err
	}
	cr.undo = append(cr.undo, undo)
	conf.Network.Endpoints = eps
	conf.Network.Mode = eps[0].Network
	return nil
}

// cidfile writes the ID where the user wants it; the file must be new.
func (cr *creation) cidfile(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("container ID file found, make sure the other container isn't running or delete %s", path)
	}
	if err != nil {
		return fmt.Errorf("write container ID file: %w", err)
	}
	cr.undo = append(cr.undo, func() { os.Remove(path) })
	_, err = f.WriteString(cr.handle.ID)
	return errors.Join(err, f.Close())
}

// abandon undoes everything, the last first.
func (cr *creation) abandon() error {
	cr.letGo()
	for i := len(cr.undo) - 1; i >= 0; i-- {
		cr.undo[i]()
	}
	return cr.handle.Abandon()
}

// createContainer makes a container that does not run.
func createContainer(ctx context.Context, c *cli.Context, store *runtime.Store, w *wish) (err error) {
	cr, err := begin(store, w)
	if err != nil {
		return err
	}
	release, err := cr.hold()
	if err != nil {
		return errors.Join(err, cr.abandon())
	}
	defer release()
	if err = cr.fill(ctx, c); err == nil {
		err = cr.handle.WritePending(&w.config)
	}
	if err == nil {
		err = cr.handle.Commit(&w.config)
	}
	if err != nil {
		return errors.Join(err, cr.abandon())
	}
	return cr.handle.Close()
}
