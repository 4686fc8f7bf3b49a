package archive

import (
	"context"
	"fmt"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/store"
)

// Busybox puts the busybox that is built in, which must be there, into the store,
// on the way of any other image. It is what store.Open wants.
func Busybox(ctx context.Context, s *store.Store) (*image.Image, error) {
	release, err := s.Begin()
	if err != nil {
		return nil, err
	}
	defer release()
	loaded, err := loader{store: s}.layout(ctx, tree{image.Embedded})
	if err != nil || len(loaded) != 1 {
		return nil, fmt.Errorf("store the busybox that is built in: %w", err)
	}
	return loaded[0].Image, nil
}
