package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/mvrun/mvrun/image"
)

// Bounds of what a registry may list: it may go on for ever.
const (
	maxPages = 1_000
	maxTags  = 10_000
)

// Tags asks the registry for the names of all images in the repository of ref.
func (r Registries) Tags(ctx context.Context, ref image.Ref) (names []image.Ref, err error) {
	reg, err := r.open(ctx, ref.Source(), transport.PullScope)
	if err != nil {
		return nil, explain("list the tags of", ref, err)
	}
	puller, err := remote.NewPuller(reg.options(ctx)...)
	if err != nil {
		return nil, err
	}
	pages, err := puller.Lister(ctx, reg.repo)
	for range maxPages {
		if err != nil || !pages.HasNext() || len(names) >= maxTags {
			break
		}
		var page *remote.Tags
		if page, err = pages.Next(ctx); err == nil {
			for _, tag := range page.Tags {
				names = append(names, ref.WithTag(tag))
			}
		}
	}
	if err != nil {
		return nil, explain("list the tags of", ref, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w in the registry %s: %s has no tags", image.ErrNotFound, ref.Source().RegistryStr(), ref.Repository())
	}
	return names, nil
}
