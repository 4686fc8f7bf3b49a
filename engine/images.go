package engine

import (
	"context"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/image/store"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

// Images is what can be done with images. A reference that fits none is a
// NotFound.
type Images struct{ store *container.Store }

func (is *Images) open() *store.Store { return openImages(is.store.Root) }

// openImages opens the images under root, among them the one that is built in.
func openImages(root string) *store.Store { return store.Open(root, archive.Busybox) }

// Get returns an image.
func (is *Images) Get(_ context.Context, ref image.Ref) (*image.Image, error) {
	images := is.open()
	img, err := images.Get(ref)
	return img, typed(Image, ref.String(), err)
}

// List returns all images. Those that can't be read are left out and named in
// the error; the rest is good.
func (is *Images) List(context.Context) ([]*image.Image, error) {
	images := is.open()
	return images.List()
}

// Tag gives an image one more name.
func (is *Images) Tag(_ context.Context, ref, name image.Ref) error {
	images := is.open()
	return typed(Image, ref.String(), images.Tag(ref, name))
}

// Pull brings an image from its registry, whatever the policy says. old is the
// ID that the name stood for before, if it did.
func (is *Images) Pull(ctx context.Context, ref image.Ref, o PullOptions) (img *image.Image, old v1.Hash, err error) {
	images := is.open()
	if before, err := images.Get(ref); err == nil {
		old = before.ID
	}
	if o.Pulling != nil {
		o.Pulling()
	}
	img, err = registry.Pull(ctx, images, ref, o.options(is.store.Root))
	return img, old, typed(Image, ref.String(), err)
}

// Push sends an image to the registry in its name.
func (is *Images) Push(ctx context.Context, ref image.Ref, o PullOptions) (*image.Image, error) {
	images := is.open()
	img, err := registry.Push(ctx, images, ref, o.options(is.store.Root))
	return img, typed(Image, ref.String(), err)
}

// Save writes images into an archive that Load and docker load read. All of them
// are looked up before anything is written.
func (is *Images) Save(ctx context.Context, w io.Writer, refs []image.Ref) error {
	images := is.open()
	return archive.Save(ctx, images, w, refs)
}

// LoadOptions say which images of an archive come in, and how.
type LoadOptions struct {
	MaxUnpacked int64           // bytes that a layer may unpack to; 0: no limit
	Platform    *v1.Platform    // nil: this machine's, or else what is there
	Skipped     func(why error) // hears of what is no image; nil: nobody does
}

func (is *Images) loading(ctx context.Context, o LoadOptions) archive.Options {
	opt := is.unpacking(ctx, o.MaxUnpacked)
	opt.Platform, opt.Skipped = o.Platform, o.Skipped
	return opt
}

// Load brings the images of an archive into the store.
func (is *Images) Load(ctx context.Context, r io.Reader, o LoadOptions) ([]archive.Loaded, error) {
	return archive.Load(ctx, is.open(), r, is.loading(ctx, o))
}

// LoadDir is Load for a directory that holds an OCI image layout.
func (is *Images) LoadDir(ctx context.Context, dir string, o LoadOptions) ([]archive.Loaded, error) {
	return archive.LoadDir(ctx, is.open(), dir, is.loading(ctx, o))
}

// Import makes an image of a root file system's tarball, which may not unpack to
// more than limit bytes, if that is not 0.
func (is *Images) Import(ctx context.Context, r io.Reader, o archive.ImportOptions, limit int64) (*image.Image, error) {
	o.Options = is.unpacking(ctx, limit)
	return archive.Import(ctx, is.open(), r, o)
}

// unpacking has what is brought unpacked, within the limit, before that is an
// image.
func (is *Images) unpacking(ctx context.Context, limit int64) archive.Options {
	layers := openLayers(is.store.Root, limit)
	return archive.Options{MaxFile: limit, Unpack: func(ls []v1.Layer) error {
		_, err := layers.Unpack(ctx, ls)
		return err
	}}
}

// Remove takes a name from an image, and removes it with its last one; with
// force, whoever uses it. Its unpacked layers stay: see PruneLayers.
func (is *Images) Remove(_ context.Context, ref image.Ref, force bool) (done store.Removed, err error) {
	images := is.open()
	uses, err := is.uses()
	if err != nil {
		return done, err
	}
	done, err = images.Remove(ref, force, uses)
	return done, typed(Image, ref.String(), err)
}

// Prune removes the images without a name or, with all, those that no container
// uses, as far as fits says yes to them. freed is in bytes.
func (is *Images) Prune(ctx context.Context, all bool, fits func(*image.Image) bool) (done store.Removed, freed int64, err error) {
	images := is.open()
	uses, err := is.uses()
	if err != nil {
		return done, 0, err
	}
	done, freed, err = images.Prune(all, uses, func(img *image.Image) bool { return !fits(img) })
	if err != nil {
		return done, freed, err
	}
	unpacked, err := is.PruneLayers(ctx)
	return done, freed + unpacked, err
}

// uses lists the containers with the images that they were made of. A container
// whose record can't be read may use any image: that is an error.
func (is *Images) uses() ([]store.Use, error) {
	containers, errs := is.store.List()
	if len(errs) > 0 {
		return nil, errs[0]
	}
	var uses []store.Use
	for _, c := range containers {
		id, err := v1.NewHash(c.Config.ImageID)
		if err != nil {
			continue
		}
		uses = append(uses, store.Use{Image: id, Container: container.ShortID(c.Config.ID), Running: c.State.Status.Live()})
	}
	return uses, nil
}

// PruneLayers removes the unpacked layers that neither an image nor a container
// needs, and returns their size in bytes. It does nothing while an image or a
// container is being made: the next removal finds what stays.
func (is *Images) PruneLayers(context.Context) (freed int64, err error) {
	images := is.open()
	release, err := images.Exclude()
	if errors.Is(err, image.ErrBusy) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer release()
	needed, err := images.DiffIDs()
	if err != nil {
		return 0, nil // a damaged image needs nobody knows what; Check tells
	}
	containers, errs := is.store.List()
	if len(errs) > 0 {
		return 0, errs[0]
	}
	inUse := map[string]bool{}
	for _, c := range containers {
		for _, dir := range c.Config.Layers {
			inUse[dir] = true
		}
	}
	return rootfs.Open(is.store.Root).Prune(func(dir, diffID string) bool { return needed[diffID] || inUse[dir] })
}

// Check reads every image against its digests, and returns what is damaged.
func (is *Images) Check(ctx context.Context) ([]store.Damage, error) {
	images := is.open()
	return images.Check(ctx)
}

// Repair fetches what is damaged again from where it came; with remove, what
// can't be fetched goes. done says of each what became of it.
func (is *Images) Repair(ctx context.Context, damage []store.Damage, remove bool, o PullOptions) (done []string, err error) {
	images := is.open()
	return registry.Repair(ctx, images, damage, remove, o.options(is.store.Root))
}
