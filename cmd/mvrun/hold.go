package main

import "github.com/mvrun/mvrun/image"

// hold keeps image and layers from being collected between their look-up and the
// record of the container that uses them. Released with them are the volumes that
// are taken meanwhile.
func (cr *creation) hold() (release func(), err error) {
	images, err := image.Open(cr.store.Root)
	if err != nil {
		return nil, err
	}
	letGo, err := images.Hold()
	return func() { letGo(); cr.letGo() }, err
}

// letGo releases the volumes.
func (cr *creation) letGo() {
	for _, release := range cr.held {
		release()
	}
	cr.held = nil
}
