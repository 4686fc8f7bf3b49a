package main

import (
	"errors"

	"github.com/mvrun/mvrun/internal/door/view"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

// inspectVolumeObject finds a volume for inspect.
func inspectVolumeObject(store *container.Store, ref string) (any, error) {
	v, err := rootfs.OpenVolumes(store.Root).Get(ref)
	if errors.Is(err, rootfs.ErrNoVolume) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, err
	}
	return view.NewVolume(v), nil
}

// volumePath is where the volume's content lies, "" if it is gone.
func volumePath(store *container.Store, name string) string {
	v, err := rootfs.OpenVolumes(store.Root).Get(name)
	if err != nil {
		return ""
	}
	return v.Path
}
