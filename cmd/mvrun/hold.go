package main

import "github.com/mvrun/mvrun/image"

// holdImages keeps image and layers from being collected between their look-up
// and the record of the container that uses them.
func (cr *creation) holdImages() (release func(), err error) {
	images, err := image.Open(cr.store.Root)
	if err != nil {
		return nil, err
	}
	return images.Hold()
}
