package engine

import (
	"context"
	"errors"
	"time"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/network"
	"github.com/mvrun/mvrun/runtime/container"
	"github.com/mvrun/mvrun/runtime/monitor/protocol"
)

// CreateOptions are what a caller asks of a container that is to be made.
type CreateOptions struct {
	Image image.Ref
	Pull  PullOptions
	// Config is the container as the caller wants it. What it leaves empty the
	// image says, where it has a say, or the engine. ID and Created are the
	// engine's.
	Config     container.Config
	Command    []string // empty: the image's, unless Entrypoint is given
	Entrypoint *string  // nil: the image's; empty: none
	// Endpoints are the networks to be on, the first of them first. Without any,
	// Config.Network.Mode says none or host.
	Endpoints []network.Request
}

// RunOptions are those of a container that is to be made and started.
type RunOptions struct {
	CreateOptions
	Attach *Attach // nil: start it and leave it alone
	Size   Size    // of its terminal, without Attach
}

// Create makes a container that does not run, and returns its ID. Either all of
// it is there afterwards, or nothing.
func (cs *Containers) Create(ctx context.Context, o CreateOptions) (id string, err error) {
	cr, err := begin(cs.store, o)
	if err != nil {
		return "", err
	}
	release, err := cr.hold()
	if err != nil {
		return "", errors.Join(err, cr.abandon())
	}
	defer release()
	conf := &cr.options.Config
	if err = cr.reserve(); err == nil {
		err = cr.fill(ctx)
	}
	if err == nil {
		err = cr.handle.WritePending(conf)
	}
	if err == nil {
		err = cr.handle.Commit(conf)
	}
	if err != nil {
		return "", errors.Join(err, cr.abandon())
	}
	return conf.ID, cr.handle.Close()
}

// Run makes a container and starts it; either both happen or neither. Without
// Attach the session has no streams, and need not be closed.
func (cs *Containers) Run(ctx context.Context, o RunOptions) (s *Session, warnings []string, err error) {
	cr, err := begin(cs.store, o.CreateOptions)
	if err != nil {
		return nil, nil, err
	}
	release, err := cr.hold()
	if err != nil {
		return nil, nil, errors.Join(err, cr.abandon())
	}
	defer release()
	// What can be wrong with the name and the addresses is found before a
	// process is spawned or an image fetched.
	if err := cr.reserve(); err != nil {
		return nil, nil, errors.Join(err, cr.abandon())
	}
	started := prestart(cs.store, cr.handle)
	if err := cr.fill(ctx); err != nil {
		started.Cancel()
		return nil, nil, errors.Join(err, cr.abandon())
	}
	req := protocol.Request{Op: protocol.OpStart, Size: o.Size}
	if o.Attach != nil {
		req = o.Attach.request(true)
	}
	conf := &cr.options.Config
	req.Config = conf
	conn, warnings, err := started.Start(ctx, conf, req)
	if err != nil {
		return nil, nil, errors.Join(err, cr.abandon())
	}
	return &Session{ID: conf.ID, store: cs.store, conn: conn}, warnings, nil
}

// creation is a container on its way: reserved, and not committed before all
// of it is there.
type creation struct {
	store   *container.Store
	handle  *container.Handle
	options CreateOptions
	undo    []func()
	held    []func() // release what is held until the container is committed
}

// begin takes an ID.
func begin(store *container.Store, o CreateOptions) (*creation, error) {
	if o.Config.Name != "" {
		if err := container.CheckName(o.Config.Name); err != nil {
			return nil, err
		}
	}
	h, err := store.Begin()
	if err != nil {
		return nil, err
	}
	o.Config.ID, o.Config.Created = h.ID, time.Now()
	return &creation{store: store, handle: h, options: o}, nil
}

// reserve claims the name and the addresses, and reads the containers whose
// volumes are wanted: all that can be refused without the image.
func (cr *creation) reserve() (err error) {
	conf := &cr.options.Config
	asked := conf.Name
	if conf.Name, err = cr.handle.ClaimName(asked); err != nil {
		return typed(Container, asked, err)
	}
	if err := cr.volumesFrom(); err != nil {
		return err
	}
	return cr.network()
}

// fill finds the image and whatever else the configuration needs.
func (cr *creation) fill(ctx context.Context) error {
	img, err := cr.image(ctx)
	if err != nil {
		return err
	}
	if err := cr.layers(ctx, img); err != nil {
		return err
	}
	if err := applyImage(&cr.options, img); err != nil {
		return err
	}
	if err := cr.volumes(); err != nil {
		return err
	}
	if conf := &cr.options.Config; conf.Hostname == "" {
		conf.Hostname = container.ShortID(conf.ID)
	}
	return nil
}

// network plans the container's endpoints: their addresses are claimed.
func (cr *creation) network() error {
	conf := &cr.options.Config
	if len(cr.options.Endpoints) == 0 {
		return nil
	}
	host, err := cr.store.HostID()
	if err != nil {
		return err
	}
	owner := network.Owner{ID: conf.ID, Name: conf.Name, HostID: host}
	eps, undo, err := cr.store.Networks.Plan(owner, cr.options.Endpoints)
	if err != nil {
		return typed(Network, cr.options.Endpoints[0].Network, err)
	}
	cr.undo = append(cr.undo, undo)
	conf.Network.Endpoints = eps
	conf.Network.Mode = eps[0].Network
	return nil
}

// hold keeps image and layers from being collected between their look-up and the
// record of the container that uses them. Released with them are the volumes that
// are taken meanwhile.
func (cr *creation) hold() (release func(), err error) {
	releaseImages, err := openImages(cr.store.Root).Hold()
	return func() { releaseImages(); cr.release() }, err
}

// release lets go of the volumes.
func (cr *creation) release() {
	for _, release := range cr.held {
		release()
	}
	cr.held = nil
}

// abandon undoes everything, the last first.
func (cr *creation) abandon() error {
	cr.release()
	for i := len(cr.undo) - 1; i >= 0; i-- {
		cr.undo[i]()
	}
	return cr.handle.Abandon()
}
