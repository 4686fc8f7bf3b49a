package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/mvrun/mvrun/image"
	"github.com/mvrun/mvrun/image/archive"
	"github.com/mvrun/mvrun/rootfs"
	"github.com/mvrun/mvrun/runtime/container"
)

// CommitOptions describe the image that is made of a container.
type CommitOptions struct {
	Name            image.Ref // zero: none
	Author, Message string
	Changes         []string // Dockerfile instructions
	Pause           bool     // freeze the container meanwhile
}

// Commit makes an image of a container and its changes, without its volumes.
func (cs *Containers) Commit(ctx context.Context, ref string, o CommitOptions) (img *image.Image, err error) {
	cont, err := cs.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	base, err := image.ParseRef(cont.Config.ImageID)
	if err != nil {
		return nil, err
	}
	id := cont.Config.ID
	if cont.State.Status == container.Running && o.Pause {
		if err := cs.Pause(ctx, id); err != nil {
			return nil, err
		}
		defer func() {
			if uerr := cs.Unpause(context.WithoutCancel(ctx), id); err == nil {
				err = uerr
			}
		}()
	}
	upper := filepath.Join(cs.store.Dir(id), "upper")
	return archive.Commit(ctx, openImages(cs.store.Root), archive.CommitOptions{
		Base: base, Config: imageConfig(&cont.Config), Name: o.Name,
		Author: o.Author, Message: o.Message, Command: strings.Join(cont.Config.Args(), " "),
		Changes: o.Changes,
		Diff:    func(ctx context.Context, w io.Writer) error { return rootfs.WriteDiff(ctx, w, upper) },
	})
}

// imageConfig is what a container's configuration says to the next one.
func imageConfig(conf *container.Config) v1.Config {
	c := v1.Config{
		Entrypoint: conf.Entrypoint, Cmd: conf.Cmd, Env: conf.Env, WorkingDir: conf.WorkingDir,
		User: conf.User, Labels: conf.Labels, StopSignal: conf.StopSignal,
	}
	for _, port := range conf.Exposed {
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[port] = struct{}{}
	}
	for _, m := range conf.Mounts {
		if m.Type == "volume" && m.Anonymous {
			if c.Volumes == nil {
				c.Volumes = map[string]struct{}{}
			}
			c.Volumes[m.Destination] = struct{}{}
		}
	}
	return c
}

// Tree is a container's root file system, without its volumes.
type Tree struct{ dir *os.File }

// Tree opens a container's root file system, running or not.
func (cs *Containers) Tree(ctx context.Context, ref string) (*Tree, error) {
	cont, err := cs.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	dir, err := openTree(cs.store, cont)
	if err != nil {
		return nil, err
	}
	return &Tree{dir}, nil
}

// openTree opens it through the container's monitor while that lives, as a
// writable layer may be in one mount only; else merged anew.
func openTree(store *container.Store, cont *container.Container) (*os.File, error) {
	dir := store.Dir(cont.Config.ID)
	if cont.State.Status.Live() {
		return os.Open(fmt.Sprintf("/proc/%d/root%s", cont.State.Monitor.Pid, filepath.Join(dir, "rootfs")))
	}
	dirs := cont.Config.Layers
	upper := filepath.Join(dir, "upper")
	if _, err := os.Lstat(upper); err == nil {
		dirs = append([]string{upper}, dirs...)
	}
	return rootfs.OpenMerged(dirs)
}

// Export writes the tree as a tarball.
func (t *Tree) Export(ctx context.Context, w io.Writer) error {
	return rootfs.WriteTree(ctx, w, fmt.Sprintf("/proc/self/fd/%d", t.dir.Fd()))
}

// Close ends the use of the tree.
func (t *Tree) Close() error { return t.dir.Close() }
