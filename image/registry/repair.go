package registry

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// Repair removes the damaged blobs and fetches them again from where the images
// came; an image that can't be had any more is removed if remove is set. It
// returns what it did, a line each. Of an image whose manifest was damaged, only
// the next Check sees the rest.
func Repair(ctx context.Context, s *store.Store, damage []store.Damage, remove bool, opt PullOptions) (done []string, err error) {
	for _, d := range damage {
		if err := s.Blobs.Drop(d.Blob); err != nil {
			return done, err
		}
	}
	var failed []error
	mended := map[v1.Hash]bool{}
	for _, d := range damage {
		if mended[d.Digest] {
			continue
		}
		mended[d.Digest] = true
		err := refetch(ctx, s, d, opt)
		switch {
		case err == nil:
			done = append(done, "fetched again: "+d.Image)
		case remove:
			if err := s.Forget(d.Digest); err != nil {
				return done, err
			}
			done = append(done, fmt.Sprintf("removed: %s (%v)", d.Image, err))
		default:
			failed = append(failed, fmt.Errorf("repair %s: %w", d.Image, err))
		}
	}
	return done, errors.Join(failed...)
}

func refetch(ctx context.Context, s *store.Store, d store.Damage, opt PullOptions) error {
	if image.IsEmbedded(d.Name) && image.EmbeddedHas(d.Digest) {
		_, err := s.Adopt(ctx)
		return err
	}
	if !d.Source.IsName() {
		return errors.New("it was not pulled, so there is nowhere to fetch it from: load, import or commit it again")
	}
	opt.Platform = d.Platform // not this machine's alone
	img, err := Pull(ctx, s, d.Source.WithDigest(d.Digest.String()), opt)
	if err == nil && img.Digest != d.Digest {
		err = fmt.Errorf("%s has another image now", d.Source.Repository())
	}
	return err
}
