package container

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mvrun/mvrun/internal/jsonfile"
	"github.com/mvrun/mvrun/rootfs"
)

// ErrVolumeInUse says that a container, running or not, has the volume.
var ErrVolumeInUse = errors.New("volume is in use")

// Volumes are the names of the volumes that the container has.
func (c *Config) Volumes() (names []string) {
	for _, m := range c.Mounts {
		if m.Type == "volume" {
			names = append(names, m.Name)
		}
	}
	return names
}

// Volumes is what containers do with volumes; package rootfs keeps the volumes.
type Volumes struct{ store *Store }

// Paths are where the container's volumes are on the host. One that is gone is
// left out.
func (v Volumes) Paths(c *Config) map[string]string {
	vols, paths := rootfs.OpenVolumes(v.store.Root), map[string]string{}
	for _, name := range c.Volumes() {
		if vol, err := vols.Get(name); err == nil {
			paths[name] = vol.Path
		}
	}
	return paths
}

// Users lists the containers of each volume, running or not. A container
// whose record can't be read may use any: that is an error.
func (v Volumes) Users() (map[string][]string, error) {
	ids, err := v.store.IDs()
	if err != nil {
		return nil, err
	}
	users := map[string][]string{}
	for _, id := range ids {
		var c Config
		err := jsonfile.Read(v.store.configPath(id), &c)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, name := range c.Volumes() {
			users[name] = append(users[name], id)
		}
	}
	return users, nil
}

// Remove removes those of the volumes that no container has but the one
// whose ID is own. It calls done for each with its error: rootfs.ErrNoVolume,
// rootfs.ErrVolumeBusy, ErrVolumeInUse.
func (v Volumes) Remove(names []string, own string, done func(name string, err error)) {
	for some := range slices.Chunk(names, 256) { // each is an open directory
		v.remove(some, own, done)
	}
}

func (v Volumes) remove(names []string, own string, done func(name string, err error)) {
	vols, alone := rootfs.OpenVolumes(v.store.Root), map[string]error{}
	for _, name := range names {
		if _, again := alone[name]; again {
			continue
		}
		release, err := vols.Exclude(name)
		if err == nil {
			defer release()
		}
		alone[name] = err
	}
	// Nobody begins to use one now, so who uses one is known.
	users, err := v.Users()
	for _, name := range names {
		others := slices.DeleteFunc(users[name], func(id string) bool { return id == own })
		switch {
		case alone[name] != nil:
			done(name, alone[name])
		case err != nil:
			done(name, err)
		case len(others) > 0:
			done(name, fmt.Errorf("remove volume %s: %w - [%s]: remove these containers first", name, ErrVolumeInUse, strings.Join(others, ", ")))
		default:
			done(name, vols.Remove(name))
		}
	}
}

// VolumeStays reports whether a volume was not removed because it is gone, or
// somebody's, by now.
func VolumeStays(err error) bool {
	return errors.Is(err, rootfs.ErrNoVolume) || errors.Is(err, rootfs.ErrVolumeBusy) || errors.Is(err, ErrVolumeInUse)
}

// RemoveAnonymous removes the volumes that were made for this container
// and that no other has. It is idempotent.
func (v Volumes) RemoveAnonymous(c *Config) error {
	var names []string
	for _, m := range c.Mounts {
		if m.Type == "volume" && m.Anonymous && m.Name != "" {
			names = append(names, m.Name)
		}
	}
	var errs []error
	v.Remove(names, c.ID, func(_ string, err error) {
		if err != nil && !VolumeStays(err) {
			errs = append(errs, err)
		}
	})
	return errors.Join(errs...)
}

// removeOf does that for a container that goes with its exit (--rm), or
// that never came to be; its directory is dir by now. One without a readable
// record has none that could be found.
func (v Volumes) removeOf(dir string) error {
	var c Config
	if jsonfile.Read(filepath.Join(dir, pendingFile), &c) == nil {
		return v.RemoveAnonymous(&c)
	}
	if err := jsonfile.Read(filepath.Join(dir, configFile), &c); err != nil || !c.AutoRemove {
		return nil
	}
	return v.RemoveAnonymous(&c)
}
