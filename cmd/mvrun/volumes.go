package main

import (
	"errors"
	"os"

	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime"
)

// volumes makes the volumes that are not there yet; those that are made go again
// if the container is abandoned.
func (cr *creation) volumes() error {
	if err := cr.nameVolumes(); err != nil {
		return err
	}
	vols, conf := rootfs.OpenVolumes(cr.store.Root), &cr.wish.config
	for i := range conf.Mounts {
		m := &conf.Mounts[i]
		if m.Type != "volume" {
			continue
		}
		vol, created, release, err := vols.Take(rootfs.Volume{Name: m.Name, Anonymous: m.Anonymous})
		if err != nil {
			return err
		}
		cr.held = append(cr.held, release)
		if created {
			cr.undo = append(cr.undo, func() {
				cr.store.RemoveVolumes([]string{vol.Name}, conf.ID, func(string, error) {}) // unless others use it by now
			})
		}
		m.Name = vol.Name
		entries, err := os.ReadDir(vol.Path)
		if err != nil {
			return err
		}
		m.CopyUp = len(entries) == 0 && !m.NoCopy
	}
	return nil
}

// nameVolumes gives the anonymous volumes their names, and has them on disk
// before the volumes: who is killed in between leaves none that nobody knows.
func (cr *creation) nameVolumes() error {
	named := false
	for i := range cr.wish.config.Mounts {
		if m := &cr.wish.config.Mounts[i]; m.Type == "volume" && m.Name == "" {
			m.Name, m.Anonymous, named = runtime.NewID(), true, true
		}
	}
	if !named {
		return nil
	}
	return cr.handle.WritePending(&cr.wish.config)
}

// inspectVolumeObject finds a volume for inspect.
func inspectVolumeObject(store *runtime.Store, ref string) (any, error) {
	v, err := rootfs.OpenVolumes(store.Root).Get(ref)
	if errors.Is(err, rootfs.ErrNoVolume) {
		return nil, errNoObject
	}
	if err != nil {
		return nil, err
	}
	return viewVolume(v), nil
}

// volumePath is where the volume's content lies, "" if it is gone.
func volumePath(store *runtime.Store, name string) string {
	v, err := rootfs.OpenVolumes(store.Root).Get(name)
	if err != nil {
		return ""
	}
	return v.Path
}
