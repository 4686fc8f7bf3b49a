package image

import (
	"context"
	"fmt"
)

// embeddedName is the image that is built in.
const embeddedName = dockerHub + "/library/busybox:latest"

func isEmbedded(ref string) bool {
	parsed, err := parseName(ref)
	return err == nil && canonical(parsed) == embeddedName
}

// adoptEmbedded puts the busybox that is built in into the store, on the way of
// any other image. notFound is the answer where none is built in.
func (s *Store) adoptEmbedded(notFound error) (*Image, error) {
	if embedded == nil {
		return nil, errNotBuiltIn(notFound)
	}
	release, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer release()
	loaded, err := s.loadLayout(context.Background(), tree{embedded})
	if err != nil || len(loaded) != 1 {
		return nil, fmt.Errorf("store the busybox that is built in: %w", err)
	}
	return loaded[0].Image, nil
}

func errNotBuiltIn(why error) error {
	return fmt.Errorf("%w (no busybox is built into this mvrun: `make build` builds one with it, or pull it where there is a registry)", why)
}
