package registry

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// Policy says when Ensure asks the registry.
type Policy string

// The policies, as Docker's --pull has them.
const (
	PullMissing Policy = "missing"
	PullAlways  Policy = "always"
	PullNever   Policy = "never"
)

// PullOptions are the ways to get an image. The zero value pulls what is
// missing, for this machine's platform, and says nothing.
type PullOptions struct {
	Policy     Policy
	Platform   *v1.Platform // nil: any local one, else the machine's
	Registries Registries
	Progress   image.Progress // nil: none
	// Unpack is called once with the layers, the lowest first, while they are
	// still being downloaded: reading one follows its download. It runs beside
	// the download, whose failure makes the reads fail.
	Unpack func(ctx context.Context, layers []v1.Layer) error
	// Pulling is called before the registry is asked.
	Pulling func()
}

// Ensure returns the image that ref names, from the store if the policy allows
// it, else from the registry. The embedded busybox stands in for a busybox that
// is not in the store. A nil error means that the image is in the store whole,
// not that this call put it there.
func Ensure(ctx context.Context, s *store.Store, ref image.Ref, opt PullOptions) (*image.Image, error) {
	if opt.Policy != PullAlways {
		img, err := s.Get(ref)
		if err == nil && opt.Platform != nil && !image.RunsOn(img.Platform(), *opt.Platform) {
			img, err = nil, fmt.Errorf("%w for %s: %s", image.ErrNotFound, opt.Platform, ref)
		}
		if err == nil || opt.Policy == PullNever || !errors.Is(err, image.ErrNotFound) {
			return img, err
		}
	}
	if !ref.IsName() {
		_, err := s.Find(ref)
		return nil, err // an ID is known to this store alone
	}
	if opt.Pulling != nil {
		opt.Pulling()
	}
	img, err := Pull(ctx, s, ref, opt)
	if err != nil && image.Embedded == nil && image.IsEmbedded(ref) {
		err = image.NotBuiltIn{Err: err}
	}
	return img, err
}
