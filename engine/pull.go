package engine

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/registry"
	"github.com/mvrun/mvrun/rootfs"
)

// PullOptions are the ways to get an image. The zero value pulls what is
// missing, for this machine's platform, and says nothing.
type PullOptions struct {
	Policy      registry.Policy
	Platform    *v1.Platform // nil: any local one, else the machine's
	Registries  registry.Registries
	MaxUnpacked int64          // bytes that a layer may unpack to; 0: no limit
	Progress    image.Progress // nil: none
	Pulling     func()         // called before the registry is asked; nil: not
}

// options are the image store's: layers are unpacked beside their download.
func (o PullOptions) options(root string) registry.PullOptions {
	layers := openLayers(root, o.MaxUnpacked)
	return registry.PullOptions{
		Policy: o.Policy, Platform: o.Platform, Registries: o.Registries, Progress: o.Progress, Pulling: o.Pulling,
		Unpack: func(ctx context.Context, ls []v1.Layer) error {
			_, err := layers.Unpack(ctx, ls)
			return err
		},
	}
}

// openLayers opens the unpacked layers, of which none may grow beyond the limit
// in bytes, if that is not 0.
func openLayers(root string, limit int64) *rootfs.Store {
	layers := rootfs.Open(root)
	layers.LimitUnpacked(limit)
	return layers
}
