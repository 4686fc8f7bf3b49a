package engine

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

// Volumes is what can be done with volumes.
type Volumes struct{ store *container.Store }

func (vs *Volumes) open() *rootfs.Volumes { return rootfs.OpenVolumes(vs.store.Root) }

// Create makes a volume, with a name made up for "". One that is there already
// is no error.
func (vs *Volumes) Create(_ context.Context, v rootfs.Volume) (rootfs.Volume, error) {
	made, _, err := vs.open().Create(v)
	return made, err
}

// Get returns a volume.
func (vs *Volumes) Get(_ context.Context, name string) (rootfs.Volume, error) {
	v, err := vs.open().Get(name)
	return v, typed(Volume, name, err)
}

// List returns all volumes. The error is of those that can't be read.
func (vs *Volumes) List(context.Context) ([]rootfs.Volume, error) { return vs.open().List() }

// Users lists the IDs of the containers, running or not, that have each volume.
func (vs *Volumes) Users(context.Context) (map[string][]string, error) {
	return vs.store.Volumes().Users()
}

// Remove removes volumes with their content. It calls done for each: a NotFound,
// an InUse of one that a container has, running or not, or nil.
func (vs *Volumes) Remove(_ context.Context, names []string, done func(name string, err error)) {
	vs.store.Volumes().Remove(names, "", func(name string, err error) { done(name, typed(Volume, name, err)) })
}

// Pruned is what a removal of many volumes did.
type Pruned struct {
	Names []string
	Freed int64 // bytes
}

// Prune removes the volumes that no container has and that fits says yes to. The
// error is of those that stay.
func (vs *Volumes) Prune(ctx context.Context, fits func(rootfs.Volume) bool) (done Pruned, err error) {
	users, err := vs.Users(ctx)
	if err != nil {
		return done, err
	}
	all, err := vs.List(ctx)
	errs := []error{err}
	var unused []string
	sizes := map[string]int64{}
	for _, v := range all {
		if len(users[v.Name]) == 0 && fits(v) {
			unused = append(unused, v.Name)
			sizes[v.Name] = treeSize(v.Path)
		}
	}
	vs.store.Volumes().Remove(unused, "", func(name string, err error) {
		switch {
		case err == nil:
			done.Names, done.Freed = append(done.Names, name), done.Freed+sizes[name]
		case !container.VolumeStays(err):
			errs = append(errs, err)
		}
	})
	return done, errors.Join(errs...)
}

// treeSize is what the files below dir hold, in bytes, as far as it can be told.
func treeSize(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if fi, err := e.Info(); err == nil {
				sum += fi.Size()
			}
		}
		return nil
	})
	return sum
}
